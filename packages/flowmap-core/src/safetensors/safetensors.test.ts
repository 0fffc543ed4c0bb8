import { hostTensor, type HostTensor } from '@flowmap/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError, ConfigError } from '../errors.js';
import { decodeSafetensors } from './decode.js';
import { encodeSafetensors } from './encode.js';

/** A file assembled by hand: length of the header, header, data. */
function file(header: unknown, data: readonly number[] = [], length?: bigint): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length ?? BigInt(json.length));
  return Uint8Array.from([...start, ...json, ...data]);
}

const one = (dtype: string, shape: readonly number[], data: readonly number[]): Uint8Array =>
  file({ a: { dtype, shape, data_offsets: [0, data.length] } }, data);

const valuesOf = (dtype: string, shape: readonly number[], data: readonly number[]): HostTensor =>
  decodeSafetensors(one(dtype, shape, data), 'hand').tensors['a']!;

describe('known bytes', () => {
  // 0x88 = 136 bytes of header, two of them padding; then 1.0, -2.5 as little-endian IEEE 754 singles, then the int32
  // -2.
  const header =
    '{"__metadata__":{"k":"v"},"f":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"i":{"dtype":"I32","shape":[],"data_offsets":[8,12]}}';
  const bytes = Uint8Array.from([
    ...[0x88, 0, 0, 0, 0, 0, 0, 0],
    ...Buffer.from(header),
    ...[0x20, 0x20],
    ...[0x00, 0x00, 0x80, 0x3f],
    ...[0x00, 0x00, 0x20, 0xc0],
    ...[0xfe, 0xff, 0xff, 0xff],
  ]);

  test('are written, with a header padded to a multiple of 8', () => {
    const tensors = { i: hostTensor([], [-2], 'int32'), f: hostTensor([2, 1], [1, -2.5]) };
    expect(encodeSafetensors(tensors, { k: 'v' })).toEqual(bytes);
  });

  test('are read, at any offset of a larger buffer', () => {
    for (const offset of [0, 1, 3]) {
      const inside = new Uint8Array(bytes.length + 5);
      inside.set(bytes, offset);
      const { tensors, metadata } = decodeSafetensors(inside.subarray(offset, offset + bytes.length), 'hand');
      expect(tensors).toEqual({ f: hostTensor([2, 1], [1, -2.5]), i: hostTensor([], [-2], 'int32') });
      expect(metadata).toEqual({ k: 'v' });
    }
  });

  test('of every type', () => {
    expect(valuesOf('F64', [1], [0, 0, 0, 0, 0, 0, 0xf8, 0x3f])).toEqual(hostTensor([1], Float64Array.of(1.5)));
    expect(valuesOf('BF16', [2], [0x80, 0x3f, 0x20, 0xc0])).toEqual(hostTensor([2], [1, -2.5], 'bfloat16'));
    expect(valuesOf('U8', [2], [0, 255])).toEqual(hostTensor([2], [0, 255], 'int32'));
    const wholes = new Uint8Array(BigInt64Array.of(-7n, 2n ** 31n - 1n).buffer);
    expect(valuesOf('I64', [2], [...wholes])).toEqual(hostTensor([2], [-7, 2 ** 31 - 1], 'int32'));
    expect(valuesOf('BOOL', [2], [0, 1])).toEqual(hostTensor([2], [0, 1], 'bool'));
    // 1, -2, the largest half 65504, the smallest normal and subnormal, infinity, minus zero, NaN
    const halves = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x7c00, 0x8000, 0x7e00];
    const data = halves.flatMap((half) => [half & 0xff, half >> 8]);
    const wanted = [1, -2, 65504, 2 ** -14, 2 ** -24, Infinity, -0, NaN];
    expect(valuesOf('F16', [8], data)).toEqual(hostTensor([8], wanted, 'float16'));
  });

  test('of a file without tensors', () => {
    expect(decodeSafetensors(file('{}'), 'hand')).toEqual({ tensors: {}, metadata: {} });
    expect(encodeSafetensors({})).toEqual(file('{}      '));
  });
});

const name = fc
  .oneof(fc.string(), fc.constantFrom('weight', '0', '__proto__', 'constructor', 'é', '💡'))
  .filter((key) => key !== '__metadata__');
const tensor = fc
  .tuple(
    fc.constantFrom('float32', 'double', 'float16', 'bfloat16', 'int32', 'bool'),
    fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 4 }),
    fc.nat(1000),
  )
  .map(([type, shape, seed]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: size }, (_, i) => Math.sin(seed + i) * 10 ** ((seed % 60) - 30));
    if (type === 'double') return hostTensor(shape, Float64Array.from(values));
    if (type === 'float32' || type === 'float16' || type === 'bfloat16') return hostTensor(shape, values, type);
    return type === 'int32'
      ? hostTensor(shape, Int32Array.from(values))
      : hostTensor(
          shape,
          values.map((v) => Number(v > 0)),
          'bool',
        );
  });
const texts = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 });

describe('round trip', () => {
  test('gives back every bit, name and text, in bytes that do not depend on the order', () => {
    const contents = fc.tuple(
      fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 5 }),
      texts,
    );
    fc.assert(
      fc.property(contents, ([entries, metadata]) => {
        const tensors = Object.fromEntries(entries);
        const bytes = encodeSafetensors(tensors, metadata);
        const decoded = decodeSafetensors(bytes, 'round');
        expect(Object.entries(decoded.tensors).sort()).toEqual(Object.entries(tensors).sort());
        expect(decoded.metadata).toEqual(Object.fromEntries(Object.entries(metadata)));
        expect(encodeSafetensors(Object.fromEntries(entries.reverse()), metadata)).toEqual(bytes);
        expect(encodeSafetensors(decoded.tensors, decoded.metadata)).toEqual(bytes);
      }),
    );
  });

  test('aligns every tensor to its width', () => {
    const tensors = {
      a: hostTensor([3], [1, 0, 1], 'bool'),
      b: hostTensor([1], [2]),
      c: hostTensor([1], Float64Array.of(3)),
    };
    const bytes = encodeSafetensors(tensors);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString()) as Record<
      string,
      { data_offsets: number[] }
    >;
    expect([header['c'], header['b'], header['a']].map((entry) => entry!.data_offsets[0])).toEqual([0, 8, 12]);
  });

  test('takes values out of a larger buffer, and returns copies', () => {
    const part = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
    const bytes = encodeSafetensors({ part: hostTensor([2], part) });
    const { tensors } = decodeSafetensors(bytes, 'part');
    bytes.fill(0);
    expect(Array.from(tensors['part']!.data)).toEqual([1, 2]);
  });

  test('is refused for a name that the format reserves', () => {
    expect(() => encodeSafetensors({ ['__metadata__']: hostTensor([1], [1]) })).toThrow(ConfigError);
  });
});

describe('what no file may contain', () => {
  const entry = (shape: unknown, offsets: unknown, dtype: unknown = 'U8') => ({ dtype, shape, data_offsets: offsets });
  const cases: [string, Uint8Array, RegExp, string?][] = [
    ['nothing', new Uint8Array(), /truncated: wanted a safetensors file, got 0 bytes/],
    ['7 bytes', new Uint8Array(7), /truncated/],
    ['a header longer than the file', file('{}', [], 3n), /truncated: the header ends at byte 11, the file has 10/],
    ['a header over the limit', file('{}', [], 2n ** 22n + 1n), /4194305 bytes, the limit maxHeaderBytes is 4194304/],
    ['a header of 2^64 - 1 bytes', file('{}', [], 2n ** 64n - 1n), /a header of 18446744073709551615 bytes/],
    ['a header that is not JSON', file('{"a":'), /the header is not JSON/],
    ['a header that is no UTF-8', Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, 0xff]), /the header is not JSON/],
    ['a header that starts with a byte order mark', file('\ufeff{}'), /the header is not JSON/],
    ['a header that is a list', file([]), /not a JSON object/],
    ['a header that is null', file('null'), /not a JSON object/],
    ['metadata that is a list', file({ __metadata__: [] }), /__metadata__ is not a JSON object/],
    ['metadata that is no text', file({ __metadata__: { a: 1 } }), /__metadata__, "a": wanted text/],
    ['an entry that is a number', file({ a: 1 }), /tensor "a" is not described by a JSON object/, 'a'],
    ['an unknown type', file({ a: entry([1], [0, 1], 'F8_E4M3') }, [0]), /tensor "a" has the type "F8_E4M3"/, 'a'],
    ['a type of the language', file({ a: entry([1], [0, 1], 'toString') }, [0]), /has the type "toString"/, 'a'],
    ['a missing type', file({ a: { shape: [], data_offsets: [0, 1] } }, [0]), /has the type nothing/, 'a'],
    ['a negative extent', file({ a: entry([-1], [0, 1]) }, [0]), /tensor "a" has a shape/, 'a'],
    ['an empty tensor', file({ a: entry([0], [0, 0]) }), /tensor "a" has a shape/, 'a'],
    ['half an extent', file({ a: entry([0.5], [0, 1]) }, [0]), /tensor "a" has a shape/, 'a'],
    ['a shape that is a number', file({ a: entry(1, [0, 1]) }, [0]), /tensor "a" has a shape/, 'a'],
    ['33 axes', file({ a: entry(Array(33).fill(1), [0, 1]) }, [0]), /list of at most 32 whole numbers >= 1/, 'a'],
    ['three offsets', file({ a: entry([1], [0, 1, 2]) }, [0]), /data_offsets that are not two/, 'a'],
    ['offsets in the wrong order', file({ a: entry([1], [1, 0]) }, [0]), /data_offsets give -1/, 'a'],
    ['a shape too large for its bytes', file({ a: entry([2], [0, 1]) }, [0]), /takes 2 bytes as U8 \[2\]/, 'a'],
    ['a size that overflows', file({ a: entry([2 ** 52, 2 ** 52], [0, 1]) }, [0]), /takes 2.02\d*e\+31 bytes/, 'a'],
    ['data cut off', file({ a: entry([2], [0, 2]) }, [0]), /tensor "a" truncated: .* the file has 1 bytes/, 'a'],
    ['data beyond memory', file({ a: entry([2 ** 50], [0, 2 ** 50]) }, [0]), /tensor "a" truncated/, 'a'],
    ['more at the end', file({ a: entry([1], [0, 1]) }, [0, 0, 0]), /corrupt: 2 bytes after the last tensor/],
    ['a hole', file({ a: entry([1], [0, 1]), b: entry([1], [2, 3]) }, [0, 0, 0]), /"b" .* leaves a hole/, 'b'],
    ['a hole at the start', file({ a: entry([1], [1, 2]) }, [0, 0]), /"a" .* leaves a hole/, 'a'],
    ['an overlap', file({ a: entry([2], [0, 2]), b: entry([2], [1, 3]) }, [0, 0, 0]), /"b" .* overlaps/, 'b'],
    ['the same bytes twice', file({ a: entry([1], [0, 1]), b: entry([1], [0, 1]) }, [0]), /overlaps/, 'b'],
    ['a name twice', file('{"a":1,"\\u0061":1}'), /the header gives the key "a" twice/],
    ['a key of an entry twice', file('{"a":{"dtype":"U8","dtype":"I32"}}'), /gives the key "dtype" twice/],
    ['metadata twice', file('{"__metadata__":{},"__metadata__":{}}'), /gives the key "__metadata__" twice/],
    ['lists 10,000 deep', file(`{"a":${'['.repeat(1e4)}${']'.repeat(1e4)}}`), /nested more than 64 deep/],
    ['objects 10,000 deep', file(`${'{"a":'.repeat(1e4)}1${'}'.repeat(1e4)}`), /nested more than 64 deep/],
    [
      'a name that drives the terminal',
      file({ '\u001b[2J\u009b\u202e': 1 }),
      /"\\u001b\[2J\\u\{9b\}\\u\{202e\}" is/,
      '\u001b[2J\u009b\u202e',
    ],
    [
      'a large whole number',
      one('I64', [1], [0, 0, 0, 128, 0, 0, 0, 0]),
      /"a" a whole number does not fit 32 bits/,
      'a',
    ],
    ['a boolean of 2', one('BOOL', [1], [2]), /tensor "a" a boolean is neither 0 nor 1/, 'a'],
  ];
  test.each(cases)('%s', (_, bytes, message, at) => {
    const decode = (): unknown => decodeSafetensors(bytes, 'weights.safetensors');
    expect(decode).toThrow(CheckpointError);
    expect(decode).toThrow(message);
    expect(decode).toThrow(expect.objectContaining({ source: 'weights.safetensors', tensor: at }));
  });

  const texts = (count: number): string =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [i, ''])));
  const tensors = (count: number): Uint8Array =>
    file(
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, entry([], [i, i + 1])])),
      Array(count).fill(0),
    );
  test.each<[string, Uint8Array, object, object]>([
    ['maxHeaderBytes', file(`{}${' '.repeat(98)}`), { maxHeaderBytes: 99 }, { maxHeaderBytes: 100 }],
    ['maxNesting', one('U8', [1], [7]), { maxNesting: 2 }, { maxNesting: 3 }],
    ['maxTensors', tensors(3), { maxTensors: 2 }, { maxTensors: 3 }],
    ['maxTensors', tensors(16_385), {}, { maxTensors: Infinity }],
    ['maxTensors', file(`{"__metadata__":${texts(3)}}`), { maxTensors: 2 }, { maxTensors: 3 }],
  ])('over the limit %s is refused by its name, and read when it is raised', (limit, bytes, low, high) => {
    const decode = (): unknown => decodeSafetensors(bytes, 'large', low);
    expect(decode).toThrow(CheckpointError);
    expect(decode).toThrow(expect.objectContaining({ limit }));
    expect(decode).toThrow(`the limit ${limit}`);
    expect(() => decodeSafetensors(bytes, 'large', high)).not.toThrow();
  });

  test('an invalid limit is refused', () => {
    for (const value of [0, NaN, -1]) {
      expect(() => decodeSafetensors(file('{}'), 'x', { maxNesting: value })).toThrow(ConfigError);
    }
  });

  test('a name of a thousand letters is cut in the message', () => {
    const bytes = file({ ['x'.repeat(1000)]: 1 });
    expect(() => decodeSafetensors(bytes, 'long')).toThrow(/^long: tensor "x{79}… is not/);
  });
});

/** Decoding must either succeed or throw a CheckpointError; anything else fails the test. */
function survives(bytes: Uint8Array): void {
  try {
    decodeSafetensors(bytes, 'fuzz');
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
  }
}

describe('damage', () => {
  const whole = encodeSafetensors(
    { a: hostTensor([2, 3], [1, 2, 3, 4, 5, 6]), b: hostTensor([2], [0, 1], 'bool') },
    { k: 'v' },
  );

  test('truncation anywhere is noticed', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeSafetensors(whole.subarray(0, length), 'cut')).toThrow(CheckpointError);
    }
  });

  test('every changed byte is read or noticed', () => {
    for (let i = 0; i < whole.length; i++) {
      for (const flip of [1, 0x20, 0x80, 0xff]) {
        const bytes = whole.slice();
        bytes[i]! ^= flip;
        survives(bytes);
      }
    }
  });

  test('any bytes, and any header, are read or noticed', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: 500 });
    const odd = fc.oneof(fc.constantFrom(0, 1, 2, 4, 8, -1, 0.5, 2 ** 53, 1e300), fc.jsonValue());
    const info = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom('F32', 'F64', 'F16', 'BF16', 'I32', 'U8', 'BOOL', 'I64'), odd),
        shape: fc.oneof(fc.array(odd, { maxLength: 3 }), odd),
        data_offsets: fc.oneof(fc.tuple(odd, odd), odd),
      },
      { requiredKeys: [] },
    );
    const header = fc.dictionary(fc.oneof(fc.constant('__metadata__'), fc.string()), fc.oneof(info, fc.jsonValue()));
    const data = fc.array(fc.nat(255), { maxLength: 16 });
    fc.assert(
      fc.property(header, data, (content, values) => survives(file(content, values))),
      { numRuns: 500 },
    );
  });
});

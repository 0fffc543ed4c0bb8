import { readFileSync } from 'node:fs';
import { CheckpointError } from '@flowmap/core';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { decodeTorchFile } from './torch-file.js';

/** Files made by `tools/reference/torch_files.py`. */
const fixture = (name: string): Uint8Array => readFileSync(new URL(`../__fixtures__/${name}`, import.meta.url));
const files = { 'archive.pt': fixture('archive.pt'), 'legacy.pth': fixture('legacy.pth') };

describe.each(Object.entries(files))('%s', (name, bytes) => {
  test('holds tensors of all types, whatever their strides, and other data is left out', () => {
    const tensors = decodeTorchFile(bytes, name);
    const plain = Object.entries(tensors).map(([key, { shape, dtype, data }]) => [key, shape, dtype, [...data]]);
    expect(plain).toEqual([
      ['state_dict.matrix', [2, 3], 'float32', [0, 0.5, 1, 1.5, 2, 2.5]],
      ['state_dict.transposed', [3, 2], 'float32', [0, 1.5, 0.5, 2, 1, 2.5]],
      ['state_dict.row', [3], 'float32', [1.5, 2, 2.5]],
      ['state_dict.scalar', [], 'float32', [-2.5]],
      ['state_dict.half', [2], 'float32', [1638 * 2 ** -14, 65504]],
      ['state_dict.long', [2], 'int32', [7, -3]],
      ['state_dict.boolean', [2], 'bool', [1, 0]],
      ['state_dict.byte', [1], 'int32', [200]],
    ]);
  });

  test('is refused when it is cut off anywhere', () => {
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => decodeTorchFile(bytes.subarray(0, length), name)).toThrow(CheckpointError);
    }
  });

  test('never throws anything but a CheckpointError when bytes are changed', () => {
    const change = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const copy = Uint8Array.from(bytes);
        for (const { at, value } of changes) copy[at] = value;
        try {
          decodeTorchFile(copy, name);
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
      }),
      { seed: 0, numRuns: 500 },
    );
  });

  test('is refused above its limits', () => {
    expect(() => decodeTorchFile(bytes, name, { maxBytes: 64 })).toThrow(/the limit maxBytes is 64/);
    expect(() => decodeTorchFile(bytes, name, { maxValues: 5 })).toThrow(/maxValues, 5/);
  });
});

test('a function is refused by its name and never called', () => {
  const decode = (): unknown => decodeTorchFile(fixture('executes.pth'), 'executes.pth');
  expect(decode).toThrow(CheckpointError);
  expect(decode).toThrow(/executes\.pth.*it calls "__builtin__\.print"/);
});

test('a zip bomb is refused before it is unpacked', () => {
  const bomb = zipSync({ 'archive/data.pkl': new Uint8Array(2 ** 22) });
  expect(bomb.length).toBeLessThan(2 ** 13);
  expect(() => decodeTorchFile(bomb, 'bomb.pt', { maxBytes: 2 ** 20 })).toThrow(/maxBytes/);
});

describe('a hostile pickle is refused that', () => {
  const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
  const pickle = (text: string): string => `\x80\x02${text}.`;
  /** An archive with this pickle, and a storage of four numbers. */
  const archive = (text: string): Uint8Array =>
    zipSync({ 'a/data.pkl': bytesOf(pickle(text)), 'a/data/0': new Uint8Array(16) });
  const legacy = (root: string, keys: string): Uint8Array => {
    const head = ['\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19', 'M\xe9\x03', '}'];
    return bytesOf([...head, root, keys].map(pickle).join(''));
  };
  const word = (value: number): string => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes.toString('latin1');
  };
  const string = (value: string): string => `X${word(value.length)}${value}`;
  const storage = `(${string('storage')}ctorch\nFloatStorage\n${string('0')}${string('cpu')}K\x04tQ`;
  const tensor = (shape: string, strides: string): string =>
    `ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\x00${shape}${strides}tR`;
  const four = tensor('K\x04\x85', 'K\x01\x85');
  const dict = (...items: string[]): string => `}(${items.join('')}u`;

  /** Lists, each holding the previous one twice, starting from a remembered value. */
  const twice = (levels: number): string => {
    const recall = (i: number): string => `h${String.fromCharCode(i)}`;
    const lists = Array.from({ length: levels }, (_, i) => `]q${String.fromCharCode(i + 1)}(${recall(i)}${recall(i)}e`);
    return lists.join('');
  };
  /** Forty of them, starting from a dictionary whose thousand keys are not strings. */
  const doubled = `}q\x00(${Array.from({ length: 1000 }, (_, i) => `J${word(i)}N`).join('')}u${twice(40)}`;
  /** A list of a thousand pairs from which a thousand dictionaries are made. */
  const pairs = Array.from({ length: 1000 }, (_, i) => `J${word(i)}N\x86`).join('');
  const copied = `](${pairs}eq\x00${'ccollections\nOrderedDict\nh\x00\x85R'.repeat(2000)}`;

  test.each([
    ['makes many numbers of few', archive(dict(string('a'), tensor(`J${word(2 ** 30)}\x85`, 'K\x00\x85'))), 'maxBytes'],
    ['has few lists that are found in many places', archive(doubled), 'maxValues'],
    ['has few lists with one tensor in many places', archive(`${four}q\x00${twice(17)}`), 'maxBytes'],
    ['makes many dictionaries of one list', archive(copied), 'maxValues'],
  ])('%s, with a name of the limit', (_, bytes, limit) => {
    const decode = (): unknown => decodeTorchFile(bytes, 'hostile.pt');
    expect(decode).toThrow(CheckpointError);
    expect(decode).toThrow(expect.objectContaining({ limit }) as Error);
  });

  test.each([
    ['contains itself', archive(']q\x00h\x00a'), /nested more than 64 deep/],
    ['has a storage named by lists in lists', legacy('}', `]()${'\x85'.repeat(20_000)}e`), /nothing refers to/],
    ['has a long name', archive(dict(string('x'.repeat(1001)), four)), /the name "x+….* has more than 1000 characters/],
    [
      'has two tensors of one name',
      archive(dict(string('a.b'), four, string('a'), dict(string('b'), four))),
      /two tensors "a\.b"/,
    ],
    [
      'has a tensor of many axes',
      archive(dict(string('a'), tensor(`(${'K\x01'.repeat(65)}t`, `(${'K\x01'.repeat(65)}t`))),
      /not described as one/,
    ],
    ['has an empty tensor', archive(dict(string('a'), tensor('K\x00\x85', 'K\x01\x85'))), /empty/],
    ['reaches beyond its storage', archive(dict(string('a'), tensor('K\x05\x85', 'K\x01\x85'))), /"a" reaches beyond/],
    ['has attributes for what is not there', archive('(Nb'), /lacks its operands/],
  ])('%s', (_, bytes, message) => {
    const decode = (): unknown => decodeTorchFile(bytes, 'hostile.pt');
    expect(decode).toThrow(CheckpointError);
    expect(decode).toThrow(message);
  });

  test('names its functions at length, and is quoted in short and escaped', () => {
    const message = (): string => {
      try {
        decodeTorchFile(archive(`c\x1b[2J${'x'.repeat(5000)}\nf\n`.concat(')R')), 'hostile.pt');
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    expect(message()).toMatch(/it calls "\\u001b\[2Jxxx/);
    expect(message().length).toBeLessThan(300);
  });

  test('tensors that share a storage unpack it once', () => {
    // Unpacking 4 MiB four thousand times would take minutes.
    const large = storage.replace('K\x04t', `J${word(2 ** 20)}t`);
    const one = `ctorch._utils\n_rebuild_tensor_v2\n(${large}K\x00K\x01\x85K\x01\x85tR`;
    const bytes = zipSync({
      'a/data.pkl': bytesOf(pickle(`${one}q\x00${twice(12)}`)),
      'a/data/0': new Uint8Array(2 ** 22),
    });
    expect(Object.keys(decodeTorchFile(bytes, 'shared.pt')).length).toBe(2 ** 12);
  });

  test('nothing of it is refused that is plain', () => {
    expect(decodeTorchFile(archive(dict(string('a'), four)), 'plain.pt')).toMatchObject({ a: { shape: [4] } });
  });
});

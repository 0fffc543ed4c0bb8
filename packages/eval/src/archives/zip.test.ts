import { crc32 as crc32OfNode, deflateRawSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { crc32 } from './crc32.js';
import { FileFault } from './file-fault.js';
import { readZip, unpack } from './zip.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const files = { 'a.txt': text('a'.repeat(1000)), 'b/ü.txt': text('b') };
const contents = (archive: Uint8Array): unknown =>
  Object.fromEntries([...readZip(archive)].map(([name, entry]) => [name, unpack(entry, true)]));

const little = (value: number, width: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.subarray(0, width);
};

interface Member {
  readonly name: string;
  readonly data: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  readonly size?: number;
  /** Its place in the archive, if that of another member. */
  readonly offset?: number;
}

/** An archive as PyTorch writes it: sizes and offsets in fields of 64 bits where `isWide`, with a longer end. */
function archive(members: readonly Member[], isWide = false): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, method = 0, flags = 0, offset = at, ...told } of members) {
    const { crc = crc32OfNode(data), size = data.length } = told;
    const label = Buffer.from(name);
    const head = [little(20, 2), little(flags, 2), little(method, 2), little(0, 4), little(crc, 4)];
    const sizes = isWide ? Buffer.alloc(8, 255) : [little(data.length, 4), little(size, 4)];
    const extra = isWide
      ? [
          little(99, 2),
          little(2, 2),
          little(0, 2),
          little(1, 2),
          little(24, 2),
          little(size, 8),
          little(data.length, 8),
          little(offset, 8),
        ]
      : [];
    const extraLength = little(isWide ? 34 : 0, 2);
    const local = Buffer.concat([
      little(0x04034b50, 4),
      ...head,
      ...[sizes].flat(),
      little(label.length, 2),
      extraLength,
      label,
      ...extra,
      data,
    ]);
    const place = isWide ? Buffer.alloc(4, 255) : little(offset, 4);
    directory.push(
      Buffer.concat([
        little(0x02014b50, 4),
        little(20, 2),
        ...head,
        ...[sizes].flat(),
        little(label.length, 2),
        extraLength,
        Buffer.alloc(10),
        place,
        label,
        ...extra,
      ]),
    );
    parts.push(local);
    at += local.length;
  }
  const central = Buffer.concat(directory);
  const end64 = [
    little(0x06064b50, 4),
    little(44, 8),
    Buffer.alloc(12),
    little(members.length, 8),
    little(members.length, 8),
    little(central.length, 8),
    little(at, 8),
  ];
  const locator = [little(0x07064b50, 4), Buffer.alloc(4), little(at + central.length, 8), little(1, 4)];
  const end = isWide
    ? [...end64, ...locator, little(0x06054b50, 4), Buffer.alloc(4), Buffer.alloc(12, 255), Buffer.alloc(2)]
    : [
        little(0x06054b50, 4),
        Buffer.alloc(4),
        little(members.length, 2),
        little(members.length, 2),
        little(central.length, 4),
        little(at, 4),
        Buffer.alloc(2),
      ];
  return Uint8Array.from(Buffer.concat([...parts, central, ...end]));
}

const member = (name: string, value: string): Member => ({ name, data: text(value) });

test('the checksum is that of zip', () => {
  expect(crc32(text('123456789'))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array())).toBe(0);
});

describe('archives', () => {
  test('are read whether compressed, stored or empty, and with a comment', () => {
    expect(contents(zipSync(files))).toEqual(files);
    expect(contents(zipSync(files, { level: 0 }))).toEqual(files);
    expect(contents(zipSync({}))).toEqual({});
    const commented = Buffer.concat([zipSync(files), text('PK\x05\x06 and more')]);
    commented.writeUInt16LE(13, commented.length - 15);
    expect(contents(commented)).toEqual(files);
  });

  test('are read with sizes and offsets of 64 bits', () => {
    const members = [member('a', 'one'), member('b', 'two')];
    for (const isWide of [false, true]) {
      expect(contents(archive(members, isWide))).toEqual({ a: text('one'), b: text('two') });
    }
  });

  test('are refused when they are cut off anywhere', () => {
    for (const whole of [zipSync(files), archive([member('a', 'one')], true)]) {
      for (let length = 0; length < whole.length; length++) {
        expect(() => contents(whole.subarray(0, length))).toThrow(FileFault);
      }
    }
  });

  test('never throw anything but a fault when bytes are changed', () => {
    for (const whole of [zipSync(files), archive([member('a', 'one'), member('b', 'two')], true)]) {
      for (let at = 0; at < whole.length; at++) {
        for (const value of [0, 1, 255]) {
          try {
            contents(whole.with(at, value));
          } catch (error) {
            expect(error).toBeInstanceOf(FileFault);
          }
        }
      }
    }
  });

  const deflated = deflateRawSync(text('deflated'));
  test.each<[string, readonly Member[], RegExp]>([
    ['two files of one name', [member('a', 'one'), member('a', 'two')], /two files "a"/],
    ['files that overlap', [member('a', 'one'), { ...member('b', 'two'), offset: 0 }], /overlap/],
    ['encryption', [{ ...member('a', 'one'), flags: 1 }], /encrypted/],
    ['another compression', [{ ...member('a', 'one'), method: 12 }], /"a" in the archive is compressed by method 12/],
    ['a wrong checksum', [{ ...member('a', 'one'), crc: 1 }], /"a" in the archive is damaged/],
    ['another size than stored', [{ ...member('a', 'one'), size: 4 }], /damaged/],
    ['another size than inflated', [{ name: 'a', data: deflated, method: 8, size: 9, crc: 0 }], /damaged/],
    ['nothing compressed', [{ name: 'a', data: text(''), method: 8, size: 9 }], /damaged/],
    ['a size beyond all memory', [{ name: 'a', data: deflated, method: 8, size: 2 ** 52 }], /damaged/],
  ])('are refused with %s', (_, members, message) => {
    const read = (): unknown => contents(archive(members, true));
    expect(read).toThrow(FileFault);
    expect(read).toThrow(message);
  });

  test('may lack checksums where these are not wanted', () => {
    const entry = readZip(archive([{ ...member('a', 'one'), crc: 1 }])).get('a')!;
    expect(unpack(entry, false)).toEqual(text('one'));
  });

  test('whose directory is said to be endless are refused at once', () => {
    const bytes = Buffer.from(archive([member('a', 'one')], true));
    bytes.writeBigUInt64LE(2n ** 32n, bytes.length - 22 - 20 - 56 + 32);
    expect(() => readZip(bytes)).toThrow(FileFault);
  });
});

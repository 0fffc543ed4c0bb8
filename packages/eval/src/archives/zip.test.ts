import { deflateRawSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { zipOf as archive, type ZipMember as Member } from '../__fixtures__/zip-of.js';
import { crc32 } from './crc32.js';
import { FileFault } from './file-fault.js';
import { readZip, unpack } from './zip.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const files = { 'a.txt': text('a'.repeat(1000)), 'b/ü.txt': text('b') };
const contents = (archive: Uint8Array): unknown =>
  Object.fromEntries([...readZip(archive)].map(([name, entry]) => [name, unpack(entry, true)]));

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

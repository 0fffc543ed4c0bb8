import { quoted } from '@flowmap/core';
import { inflateSync } from 'fflate';
import { crc32 } from './crc32.js';
import { FileFault } from './file-fault.js';

/** A file in an archive, not yet unpacked. */
export interface ZipEntry {
  readonly name: string;
  /** Its size in bytes when unpacked, according to the archive. */
  readonly size: number;
  readonly isCompressed: boolean;
  readonly data: Uint8Array;
  readonly crc: number;
}

/** Where an entry is in the archive. */
interface Place {
  readonly begin: number;
  readonly end: number;
}

const END = 0x06054b50;
const END_64_LOCATOR = 0x07064b50;
const END_64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

/** Flags for encryption: of the data, and of the directory. */
const ENCRYPTED = 0x2041;

const DAMAGED = 'the archive is damaged or cut off';

/**
 * Lists the files of a zip archive, with offsets of 32 or 64 bits, without unpacking any. Parts of the archive may not
 * overlap, so that a small one cannot become large more than once.
 *
 * @throws {FileFault} for an archive that is damaged, cut off, encrypted, in several parts or compressed by anything
 *   but deflate, or has two files of the same name
 */
export function readZip(bytes: Uint8Array): ReadonlyMap<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = new Map<string, ZipEntry>();
  const places: Place[] = [];
  const directory = directoryOf(view);
  let at = directory.begin;
  for (let i = 0; i < directory.count; i++) {
    if (at + 46 > directory.end || view.getUint32(at, true) !== CENTRAL) throw new FileFault(DAMAGED);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const nameEnd = at + 46 + nameLength!;
    const next = nameEnd + extraLength! + commentLength!;
    if (next > directory.end) throw new FileFault(DAMAGED);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd));
    if (entries.has(name)) throw new FileFault(`the archive has two files ${quoted(name)}`);
    if (view.getUint16(at + 8, true) & ENCRYPTED) throw new FileFault('the archive is encrypted');
    const method = view.getUint16(at + 10, true);
    if (method !== 0 && method !== 8) {
      throw new FileFault(
        `${quoted(name)} in the archive is compressed by method ${method}, and deflate alone is read`,
      );
    }
    const { size, packed, offset } = sizesOf(view, at, nameEnd, extraLength!);
    const begin = dataOf(view, offset, directory.begin);
    const end = begin + packed;
    if (end > directory.begin || (method === 0 && packed !== size)) throw new FileFault(DAMAGED);
    places.push({ begin: offset, end });
    entries.set(name, {
      name,
      size,
      isCompressed: method === 8,
      data: bytes.subarray(begin, end),
      crc: view.getUint32(at + 16, true),
    });
    at = next;
  }
  places.sort((a, b) => a.begin - b.begin);
  if (places.some(({ begin }, i) => i > 0 && begin < places[i - 1]!.end)) {
    throw new FileFault('files in the archive overlap');
  }
  return entries;
}

/**
 * The bytes of a file in an archive; a view of the archive if the file is stored uncompressed.
 *
 * @param isChecked whether the checksum must match; PyTorch has an option not to write it
 * @throws {FileFault} for data that are damaged, or unpack to another number of bytes than the archive
 *   says
 */
export function unpack({ name, size, isCompressed, data, crc }: ZipEntry, isChecked: boolean): Uint8Array {
  const damaged = new FileFault(`${quoted(name)} in the archive is damaged`);
  let unpacked = data;
  if (isCompressed) {
    if (data.length === 0) throw damaged;
    try {
      unpacked = inflateSync(data, { out: new Uint8Array(size) });
    } catch {
      throw damaged;
    }
  }
  if (unpacked.length !== size || (isChecked && crc32(unpacked) !== crc)) throw damaged;
  return unpacked;
}

/** The directory at the end of an archive, followed only by an optional comment. */
function directoryOf(view: DataView): Place & { readonly count: number } {
  const { byteLength: length } = view;
  for (let at = length - 22; at >= Math.max(0, length - 22 - 0xffff); at--) {
    const isEnd = view.getUint32(at, true) === END && at + 22 + view.getUint16(at + 20, true) === length;
    if (!isEnd) continue;
    const end64 = end64Of(view, at);
    const count = end64 === undefined ? view.getUint16(at + 10, true) : wide(view, end64 + 32);
    const begin = end64 === undefined ? view.getUint32(at + 16, true) : wide(view, end64 + 48);
    const end = end64 ?? at;
    if (!(begin + 46 * count <= end)) throw new FileFault(DAMAGED);
    return { begin, end, count };
  }
  throw new FileFault(DAMAGED);
}

/** Position of the 64-bit form of the end, if there is one. */
function end64Of(view: DataView, end: number): number | undefined {
  const locator = end - 20;
  if (locator < 0 || view.getUint32(locator, true) !== END_64_LOCATOR) return undefined;
  const at = wide(view, locator + 8);
  if (!(at + 56 <= locator) || view.getUint32(at, true) !== END_64) throw new FileFault(DAMAGED);
  return at;
}

/** Sizes and offset of an entry; each that does not fit 32 bits is in a field of 64 bits instead. */
function sizesOf(
  view: DataView,
  at: number,
  extra: number,
  extraLength: number,
): { readonly size: number; readonly packed: number; readonly offset: number } {
  const wideField = wideFields(view, extra, extra + extraLength);
  const read = (offset: number): number => {
    const value = view.getUint32(at + offset, true);
    if (value !== 0xffffffff) return value;
    if (wideField.next + 8 > wideField.end) throw new FileFault(DAMAGED);
    wideField.next += 8;
    return wide(view, wideField.next - 8);
  };
  return { size: read(24), packed: read(20), offset: read(42) };
}

/** Position of the 64-bit fields among the extra fields of an entry. */
function wideFields(view: DataView, begin: number, end: number): { next: number; readonly end: number } {
  for (let at = begin; at + 4 <= end;) {
    const next = at + 4 + view.getUint16(at + 2, true);
    if (next > end) break;
    if (view.getUint16(at, true) === 1) return { next: at + 4, end: next };
    at = next;
  }
  return { next: end, end };
}

/** Where the data of an entry begins, after its own header. */
function dataOf(view: DataView, offset: number, limit: number): number {
  if (!(offset + 30 <= limit) || view.getUint32(offset, true) !== LOCAL) throw new FileFault(DAMAGED);
  return offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
}

/** A whole number of 64 bits; one beyond 2^53 is invalid anyway, and remains too large. */
function wide(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

import { deflateSync } from 'fflate';
import { crc32 } from '../archives/crc32.js';

/** A file in an archive, and what the archive says about it, which need not be true. */
export interface ZipMember {
  readonly name: string;
  /** The bytes in the archive. */
  readonly data: Uint8Array;
  /** 0 = stored, 8 = deflated; 0 unless given. */
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  /** Size in bytes when unpacked. */
  readonly size?: number;
  /** Its place in the archive, if that of another member. */
  readonly offset?: number;
}

/** Some bytes as a compressed member of an archive. */
export function deflated(name: string, bytes: Uint8Array): ZipMember {
  return { name, data: deflateSync(bytes), method: 8, crc: crc32(bytes), size: bytes.length };
}

/**
 * A zip archive.
 *
 * @param isWide whether sizes and offsets are in fields of 64 bits, with a longer end, as in PyTorch's files
 */
export function zipOf(members: readonly ZipMember[], isWide = false): Uint8Array {
  const files: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, data, method = 0, flags = 0, offset = at, ...told } of members) {
    const { crc = crc32(data), size = data.length } = told;
    const label = new TextEncoder().encode(name);
    const head = [little(20, 2), little(flags, 2), little(method, 2), little(0, 4), little(crc, 4)];
    const sizes = isWide ? [new Uint8Array(8).fill(255)] : [little(data.length, 4), little(size, 4)];
    const wide = [little(1, 2), little(24, 2), little(size, 8), little(data.length, 8), little(offset, 8)];
    const extra = isWide ? joined([little(99, 2), little(2, 2), little(0, 2), ...wide]) : new Uint8Array(0);
    const lengths = [little(label.length, 2), little(extra.length, 2)];
    const place = [new Uint8Array(10), isWide ? new Uint8Array(4).fill(255) : little(offset, 4)];
    const local = joined([little(0x04034b50, 4), ...head, ...sizes, ...lengths, label, extra, data]);
    const central = [little(0x02014b50, 4), little(20, 2), ...head, ...sizes, ...lengths, ...place, label, extra];
    files.push(local);
    directory.push(joined(central));
    at += local.length;
  }
  const central = joined(directory);
  return joined([...files, central, endOf(members.length, central.length, at, isWide)]);
}

function endOf(count: number, length: number, at: number, isWide: boolean): Uint8Array {
  const START = little(0x06054b50, 4);
  if (!isWide) {
    const numbers = [little(count, 2), little(count, 2), little(length, 4), little(at, 4)];
    return joined([START, new Uint8Array(4), ...numbers, new Uint8Array(2)]);
  }
  const numbers = [little(count, 8), little(count, 8), little(length, 8), little(at, 8)];
  const end64 = [little(0x06064b50, 4), little(44, 8), new Uint8Array(12), ...numbers];
  const locator = [little(0x07064b50, 4), new Uint8Array(4), little(at + length, 8), little(1, 4)];
  return joined([...end64, ...locator, START, new Uint8Array(4), new Uint8Array(12).fill(255), new Uint8Array(2)]);
}

/** A whole number in the given number of bytes, truncated to them. */
function little(value: number, width: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes.subarray(0, width);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

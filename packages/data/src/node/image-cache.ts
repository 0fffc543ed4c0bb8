import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { writeFileAtomic } from '@flowmap/core/node';
import type { ImageSize } from './errors.js';

/** Decoded images. */
export interface CachedImages {
  /** `[count, 3, height, width]` */
  readonly pixels: Uint8Array;
  readonly size: ImageSize;
}

// A cache file: the magic bytes, the CRC-32 of everything after it (uint32), height, width and count (uint32 each, all
// little-endian), the fingerprint, the pixels.
const MAGIC = new TextEncoder().encode('FMIMAGE1');
const FINGERPRINT_BYTES = 32; // SHA-256
const HEADER_BYTES = MAGIC.length + 4 + 3 * 4 + FINGERPRINT_BYTES;
const CHUNK_BYTES = 2 ** 26; // one read or write may not exceed 2 GiB

/**
 * The images in a cache file; undefined if there is no such file, it was made from something else, or it is damaged
 * (magic, length or checksum wrong).
 *
 * @param fingerprint SHA-256 of everything the pixels depend on
 * @param count number of images
 */
export async function readImageCache(
  path: string,
  fingerprint: Uint8Array,
  count: number,
): Promise<CachedImages | undefined> {
  const file = await open(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    return await readImages(file, fingerprint, count);
  } catch {
    return undefined; // a file that cannot be read is rebuilt
  } finally {
    await file.close();
  }
}

async function readImages(file: FileHandle, fingerprint: Uint8Array, count: number): Promise<CachedImages | undefined> {
  const header = await readExactly(file, 0, HEADER_BYTES);
  const view = new DataView(header.buffer);
  const word = (index: number): number => view.getUint32(MAGIC.length + 4 * index, true);
  const [checksum, height, width] = [word(0), word(1), word(2)];
  const length = count * 3 * height * width;
  const right =
    height > 0 &&
    width > 0 &&
    word(3) === count &&
    Buffer.compare(header.subarray(0, MAGIC.length), MAGIC) === 0 &&
    Buffer.compare(header.subarray(HEADER_BYTES - FINGERPRINT_BYTES), fingerprint) === 0 &&
    (await file.stat()).size === HEADER_BYTES + length;
  if (!right) return undefined;
  const pixels = await readExactly(file, HEADER_BYTES, length);
  if (crc32(pixels, crc32(header.subarray(MAGIC.length + 4))) !== checksum) return undefined;
  return { pixels, size: [height, width] };
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, CHUNK_BYTES), position + done);
    if (bytesRead === 0) throw new RangeError(`wanted ${length} bytes at ${position}, the file ends after ${done}`);
    done += bytesRead;
  }
  return bytes;
}

/**
 * Writes a cache file atomically.
 *
 * @throws {WriteError} when it cannot be written
 */
export async function writeImageCache(path: string, fingerprint: Uint8Array, images: CachedImages): Promise<void> {
  const { pixels, size } = images;
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  const [height, width] = size;
  const count = pixels.length / (3 * height * width);
  header.set(MAGIC);
  [height, width, count].forEach((value, i) => view.setUint32(MAGIC.length + 4 * (i + 1), value, true));
  header.set(fingerprint, HEADER_BYTES - FINGERPRINT_BYTES);
  view.setUint32(MAGIC.length, crc32(pixels, crc32(header.subarray(MAGIC.length + 4))), true);
  await writeFileAtomic(path, [header, ...chunks(pixels)]);
}

function* chunks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

/**
 * The default folder for decoded images: `flowmap` in the user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`,
 * `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows).
 */
export function defaultCacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'flowmap');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'flowmap');
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'flowmap', 'Cache');
  return join(homedir(), '.cache', 'flowmap');
}

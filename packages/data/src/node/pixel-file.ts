import { randomUUID } from 'node:crypto';
import { close, fstat, fsync, ftruncate, open, read, rename, unlink, write } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { DataError, WriteError } from '@flowmap/core';
import { bytesOf, digestOfChunks } from '../internal/digest.js';
import type { ImageSize } from './errors.js';
import { messageOf } from './read-bytes.js';

/** Calls of the file system by file descriptor: a `FileHandle` warns when it is collected without being closed. */
const file = {
  open: promisify(open),
  close: promisify(close),
  read: promisify(read),
  write: promisify(write),
  stat: promisify(fstat),
  sync: promisify(fsync),
  truncate: promisify(ftruncate),
  rename: promisify(rename),
  unlink: promisify(unlink),
};

/** What a pixel file records besides the pixels. */
export interface PixelFileFacts {
  readonly size: ImageSize;
  readonly channels: number;
  readonly count: number;
  /** SHA-256 of all files of the folder and of the options. */
  readonly all: Uint8Array;
  /** SHA-256 of the images, bad ones included, and of the options. */
  readonly images: Uint8Array;
  /** The kind of each file of the folder. */
  readonly kinds: Uint8Array;
  /** Images that were left out: their indices among the images, and the reasons. */
  readonly skipped: readonly (readonly [index: number, message: string])[];
  /** Digest of the pixels, as `digestOf` gives it. */
  readonly digest: string;
}

// A file of pixels: the magic bytes, the CRC-32 of the rest of the header and of the trailer, height, width, channels,
// count, bytes of the kinds, bytes of the JSON (uint32 each, little-endian), the two fingerprints, the pixels
// `[count, channels, height, width]`, the trailer. The trailer is the CRC-32 of each image, the kinds, and
// `{ skipped, digest }` as JSON.
const MAGIC = new TextEncoder().encode('FMIMAGE2');
const WORDS = 7;
const FINGERPRINT_BYTES = 32; // SHA-256
const HEADER_BYTES = MAGIC.length + 4 * WORDS + 2 * FINGERPRINT_BYTES;
const CHUNK_BYTES = 2 ** 24;
const MAX_JSON_BYTES = 2 ** 28;

/** An open pixel file. */
export interface PixelFile extends PixelFileFacts {
  /**
   * Reads an image into an array of its length.
   *
   * @throws {DataError} when the file has been damaged
   */
  read(index: number, into: Uint8Array): Promise<void>;
  /** Reads all images into an array of their length; false if one of them is damaged. */
  readAll(into: Uint8Array): Promise<boolean>;
  close(): Promise<void>;
}

/** Closes files whose objects have been collected. */
const forgotten = new FinalizationRegistry<number>((fd) => close(fd, () => undefined));

/** Opens a pixel file; undefined if there is none, it has another layout, or its header or trailer is damaged. */
export async function openPixelFile(path: string): Promise<PixelFile | undefined> {
  const fd = await file.open(path, 'r').catch(() => undefined);
  if (fd === undefined) return undefined;
  const found = await readFacts(fd).catch(() => undefined); // a file that cannot be read is rebuilt
  if (found) return pixelFile(path, fd, found.facts, found.checksums);
  await file.close(fd);
  return undefined;
}

function pixelFile(path: string, fd: number, facts: PixelFileFacts, checksums: Uint32Array): PixelFile {
  const length = facts.channels * facts.size[0] * facts.size[1];
  let isOpen = true;
  const result: PixelFile = {
    ...facts,
    async read(index, into) {
      await readExactly(fd, into, HEADER_BYTES + index * length).catch((cause: unknown) => {
        throw new DataError(path, `cannot be read at image ${index}, ${String(cause)}`, { cause });
      });
      if (crc32(into) !== checksums[index]) {
        throw new DataError(path, `is damaged at image ${index}; remove it, and it is made anew from the images`);
      }
    },
    async readAll(into) {
      await readExactly(fd, into, HEADER_BYTES);
      return checksums.every((sum, i) => crc32(into.subarray(i * length, (i + 1) * length)) === sum);
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      forgotten.unregister(result);
      await file.close(fd);
    },
  };
  forgotten.register(result, fd, result);
  return result;
}

async function readFacts(fd: number): Promise<{ facts: PixelFileFacts; checksums: Uint32Array } | undefined> {
  const header = await readExactly(fd, new Uint8Array(HEADER_BYTES), 0);
  const view = new DataView(header.buffer);
  const word = (index: number): number => view.getUint32(MAGIC.length + 4 * index, true);
  const [checksum, height, width, channels] = [word(0), word(1), word(2), word(3)];
  const [count, kindBytes, jsonBytes] = [word(4), word(5), word(6)];
  const pixelBytes = count * channels * height * width;
  const trailerBytes = 4 * count + kindBytes + jsonBytes;
  const fits =
    Buffer.compare(header.subarray(0, MAGIC.length), MAGIC) === 0 &&
    pixelBytes > 0 &&
    jsonBytes <= MAX_JSON_BYTES &&
    (await file.stat(fd)).size === HEADER_BYTES + pixelBytes + trailerBytes;
  if (!fits) return undefined;
  const trailer = await readExactly(fd, new Uint8Array(trailerBytes), HEADER_BYTES + pixelBytes);
  if (crc32(trailer, crc32(header.subarray(MAGIC.length + 4))) !== checksum) return undefined;
  const kinds = trailer.subarray(4 * count, 4 * count + kindBytes);
  const text = new TextDecoder().decode(trailer.subarray(4 * count + kindBytes));
  const { skipped, digest } = JSON.parse(text) as Pick<PixelFileFacts, 'skipped' | 'digest'>;
  if (typeof digest !== 'string' || !skipped.every(isSkipped)) return undefined;
  const fingerprint = (i: number): Uint8Array => {
    const start = MAGIC.length + 4 * WORDS + i * FINGERPRINT_BYTES;
    return header.slice(start, start + FINGERPRINT_BYTES);
  };
  return {
    facts: {
      size: [height, width],
      channels,
      count,
      all: fingerprint(0),
      images: fingerprint(1),
      kinds,
      skipped,
      digest,
    },
    checksums: new Uint32Array(trailer.buffer.slice(0, 4 * count)),
  };
}

function isSkipped([index, fault]: readonly unknown[]): boolean {
  return Number.isSafeInteger(index) && typeof fault === 'string';
}

/** A pixel file that is being written. */
export interface PixelFileWriter {
  /** Writes image `index`. */
  readonly write: (index: number, planes: Uint8Array) => Promise<void>;
  /** Closes the gaps of images that were not written, and writes header and trailer. */
  readonly finish: (
    facts: Omit<PixelFileFacts, 'size' | 'channels' | 'count' | 'digest'>,
    written: number,
  ) => Promise<PixelFile>;
  /** Closes and removes the file. */
  readonly discard: () => Promise<void>;
}

/**
 * Begins a pixel file.
 *
 * @param path its place once finished, in a folder that exists; until then it has a temporary name beside it. Omit for
 *   a file without a name, in the folder for temporary files, that vanishes when it is closed
 * @throws {WriteError} when it cannot be written; so do the functions of the result
 */
export async function createPixelFile(
  path: string | undefined,
  size: ImageSize,
  channels: number,
): Promise<PixelFileWriter> {
  const temporary = `${path ?? join(tmpdir(), 'flowmap.pixels')}.${randomUUID()}.tmp`;
  const guarded = async <T>(work: () => Promise<T>): Promise<T> =>
    work().catch((cause: unknown) => {
      const advice = 'give another folder as `cache`';
      throw new WriteError(path ?? temporary, `cannot be written (${messageOf(cause)}); ${advice}`, { cause });
    });
  const fd = await guarded(() => file.open(temporary, 'wx+'));
  if (path === undefined) await guarded(() => file.unlink(temporary));
  const length = channels * size[0] * size[1];
  return {
    write: (index, planes) => guarded(() => writeExactly(fd, planes, HEADER_BYTES + index * length)),
    finish: (facts, written) =>
      guarded(async () => {
        const checksums = new Uint32Array(written - facts.skipped.length);
        const digest = await digestOfChunks(withoutGaps(fd, length, written, facts.skipped, checksums));
        const whole = { ...facts, size, channels, count: checksums.length, digest };
        await writeFacts(fd, whole, checksums);
        if (path !== undefined) {
          await file.sync(fd);
          await file.rename(temporary, path);
        }
        return pixelFile(path ?? temporary, fd, whole, checksums);
      }),
    async discard() {
      await file.close(fd).catch(() => undefined);
      if (path !== undefined) await file.unlink(temporary).catch(() => undefined);
    },
  };
}

/** Writes trailer and header, which mark the file as complete. */
async function writeFacts(fd: number, facts: PixelFileFacts, checksums: Uint32Array): Promise<void> {
  const { size, channels, count, all, images, kinds, skipped, digest } = facts;
  const json = new TextEncoder().encode(JSON.stringify({ skipped, digest }));
  const header = new Uint8Array(HEADER_BYTES);
  header.set(MAGIC);
  const view = new DataView(header.buffer);
  [...size, channels, count, kinds.length, json.length].forEach((value, i) =>
    view.setUint32(MAGIC.length + 4 * (i + 1), value, true),
  );
  header.set(all, MAGIC.length + 4 * WORDS);
  header.set(images, MAGIC.length + 4 * WORDS + FINGERPRINT_BYTES);
  const trailer = Buffer.concat([bytesOf(checksums), kinds, json]);
  view.setUint32(MAGIC.length, crc32(trailer, crc32(header.subarray(MAGIC.length + 4))), true);
  const end = HEADER_BYTES + count * channels * size[0] * size[1];
  await writeExactly(fd, trailer, end);
  await file.truncate(fd, end + trailer.length);
  await writeExactly(fd, header, 0);
}

/** Moves images into the gaps of those left out before them, and returns the remaining ones with their checksums. */
async function* withoutGaps(
  fd: number,
  length: number,
  written: number,
  skipped: PixelFileFacts['skipped'],
  checksums: Uint32Array,
): AsyncGenerator<Uint8Array> {
  const gaps = new Set(skipped.map(([index]) => index));
  const several = Math.max(1, Math.floor(CHUNK_BYTES / length));
  let kept = 0;
  for (let first = 0; first < written; first += several) {
    const count = Math.min(several, written - first);
    const chunk = new Uint8Array(count * length);
    // A gap at the end lies beyond the file.
    await readExactly(fd, chunk, HEADER_BYTES + first * length, true);
    let moved = 0;
    for (let i = 0; i < count; i++) {
      if (gaps.has(first + i)) continue;
      if (moved < i) chunk.copyWithin(moved * length, i * length, (i + 1) * length);
      checksums[kept + moved] = crc32(chunk.subarray(moved * length, (moved + 1) * length));
      moved++;
    }
    const rest = chunk.subarray(0, moved * length);
    if (kept < first || moved < count) await writeExactly(fd, rest, HEADER_BYTES + kept * length);
    kept += moved;
    yield rest;
  }
}

async function readExactly<Bytes extends Uint8Array>(
  fd: number,
  into: Bytes,
  position: number,
  mayEnd = false,
): Promise<Bytes> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await file.read(fd, into, done, Math.min(into.length - done, CHUNK_BYTES), position + done);
    if (bytesRead === 0 && mayEnd) break;
    if (bytesRead === 0) throw new Error(`wanted ${into.length} bytes at ${position}, the file ends after ${done}`);
    done += bytesRead;
  }
  return into;
}

async function writeExactly(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const length = Math.min(bytes.length - done, CHUNK_BYTES);
    done += (await file.write(fd, bytes, done, length, position + done)).bytesWritten;
  }
}

import type { PixelSink } from './decode-images.js';
import type { ImageSize } from './errors.js';
import { createPixelFile, type PixelFile, type PixelFileFacts } from './pixel-file.js';

/** What is known about images being stored, besides their pixels. */
type Facts = Pick<PixelFileFacts, 'all' | 'images' | 'kinds' | 'skipped'>;

/** Where decoded images go. */
export interface PixelStore extends PixelSink {
  readonly size: ImageSize;
  /** The pixels without those of images that were left out. */
  finish(facts: Facts): Promise<PixelFile | Uint8Array>;
  /** Discards what has not been finished. */
  discard(): Promise<void>;
}

interface Sizes {
  readonly count: number;
  readonly channels: number;
  readonly size: ImageSize;
}

/**
 * Stores images in memory and then in the cache file, or only in a file if they take more than `maxMemory` bytes.
 *
 * @param path the cache file, in a folder that exists; omit to keep none
 * @param isOptional whether to do without a cache file that cannot be written, if all images are in memory
 * @throws {WriteError} when a file cannot be written
 */
export async function openPixelStore(
  path: string | undefined,
  { count, channels, size }: Sizes,
  maxMemory: number,
  isOptional: boolean,
): Promise<PixelStore> {
  const length = channels * size[0] * size[1];
  const pixels = pixelsInMemory(count * length, maxMemory);
  if (!pixels) {
    const file = await createPixelFile(path, size, channels);
    return { size, write: file.write, finish: (facts) => file.finish(facts, count), discard: file.discard };
  }
  return {
    size,
    write: (index, planes) => pixels.set(planes, index * length),
    async finish(facts) {
      if (path !== undefined) {
        const written = writeCache(path, pixels, { count, channels, size }, facts);
        await (isOptional ? written.catch(() => undefined) : written);
      }
      return withoutGaps(pixels, length, new Set(facts.skipped.map(([index]) => index)));
    },
    discard: () => Promise.resolve(),
  };
}

/** Size in bytes of the largest array that every version of Node allows. */
const LARGEST = 2 ** 31;

/** Memory for pixels; undefined if there are too many of them, or not enough memory. */
export function pixelsInMemory(bytes: number, maxMemory: number): Uint8Array | undefined {
  if (bytes > Math.min(maxMemory, LARGEST)) return undefined;
  try {
    return new Uint8Array(bytes);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // allocation failed
    throw error;
  }
}

/** Number of bytes written at a time. */
const CHUNK_BYTES = 2 ** 24;

async function writeCache(path: string, pixels: Uint8Array, sizes: Sizes, facts: Facts): Promise<void> {
  const file = await createPixelFile(path, sizes.size, sizes.channels);
  try {
    const length = pixels.length / sizes.count;
    const several = Math.max(1, Math.floor(CHUNK_BYTES / length));
    for (let i = 0; i < sizes.count; i += several)
      await file.write(i, pixels.subarray(i * length, (i + several) * length));
    await (await file.finish(facts, sizes.count)).close();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

function withoutGaps(pixels: Uint8Array, length: number, gaps: ReadonlySet<number>): Uint8Array {
  if (gaps.size === 0) return pixels;
  let kept = 0;
  for (let i = 0; i * length < pixels.length; i++) {
    if (gaps.has(i)) continue;
    pixels.copyWithin(kept * length, i * length, (i + 1) * length);
    kept++;
  }
  return pixels.slice(0, kept * length);
}

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { DataError } from '@flowmap/core';
import type { Rgb } from '../rgb.js';
import type { ImageSize } from './errors.js';
import { ImageSizeError } from './errors.js';
import { imageFormat } from './image-format.js';
import type { ImageFile } from './list-images.js';
import { mapConcurrently } from './map-concurrently.js';
import { messageOf, unreadable } from './read-bytes.js';
import { loadSharp, type Sharp } from './sharp.js';

/** How an image is decoded. */
export interface ImageDecoding {
  /** Size to which every image is cropped and resized; omit to take all images as they are. */
  readonly size?: ImageSize | undefined;
  /** The colour behind transparent pixels. */
  readonly background: Rgb;
  /** Most pixels in an image, before it is resized. */
  readonly maxPixels: number;
}

/** Options of {@link decodeImages}. */
interface DecodeOptions extends ImageDecoding {
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Decoded images of one size. */
interface DecodedImages {
  /** `[count, 3, height, width]` */
  readonly pixels: Uint8Array;
  readonly size: ImageSize;
}

/** Twice the processors: while one image is decoded in sharp's thread pool, the next is read. */
export const DECODERS = 2 * availableParallelism();

/** A decoded image. */
export interface DecodedImage {
  /** `[height, width, 3]` */
  readonly interleaved: Uint8Array;
  readonly size: ImageSize;
}

/**
 * Decodes images to RGB planes, several at once in sharp's thread pool.
 *
 * @throws {DataError} naming the first file that is truncated, corrupt, over the limit or not PNG, JPEG or WebP
 * @throws {ImageSizeError} when an image has another size than the first and no `size` is given
 * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
 */
export async function decodeImages(files: readonly ImageFile[], options: DecodeOptions): Promise<DecodedImages> {
  const { onProgress, signal } = options;
  const sharp = await loadSharp();
  const first = await decodeImage(sharp, files[0]!.path, options);
  const plane = first.size[0] * first.size[1];
  const pixels = new Uint8Array(files.length * 3 * plane);
  let done = 0;
  await mapConcurrently(files, DECODERS, async (file, index) => {
    signal?.throwIfAborted();
    const image = index === 0 ? first : await decodeImage(sharp, file.path, options);
    if (image.size[0] !== first.size[0] || image.size[1] !== first.size[1]) {
      throw new ImageSizeError(file.path, image.size, files[0]!.path, first.size);
    }
    splitPlanes(image.interleaved, pixels.subarray(index * 3 * plane, (index + 1) * 3 * plane));
    onProgress?.(++done, files.length);
  });
  return { pixels, size: first.size };
}

/**
 * Decodes an image to RGB.
 *
 * @throws {DataError} for a file that is truncated, corrupt, over the limit or not PNG, JPEG or WebP
 */
export async function decodeImage(
  sharp: Sharp,
  path: string,
  { size, background: [r, g, b], maxPixels }: ImageDecoding,
): Promise<DecodedImage> {
  const damaged = (cause: unknown): never => {
    throw new DataError(path, `is truncated, corrupt or not an image (${messageOf(cause)})`, { cause });
  };
  // Read here and not by libvips, which caches files by name and may return the contents of an older one.
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  if (bytes.length === 0) throw new DataError(path, 'is empty, not an image');
  if (!imageFormat(bytes)) throw new DataError(path, 'is not an image: its content is neither PNG, JPEG nor WebP');
  const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata().catch(damaged);
  if (width * height > maxPixels) {
    const fault = `has ${width} x ${height} pixels, the limit maxPixels is ${maxPixels}`;
    throw new DataError(path, fault, { limit: 'maxPixels' });
  }
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: false })
    .autoOrient()
    .flatten({ background: { r, g, b } });
  if (size) image.resize({ height: size[0], width: size[1], fit: 'cover', kernel: 'lanczos3' });
  const { data, info } = await image.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true }).catch(damaged);
  return { interleaved: data, size: [info.height, info.width] };
}

/** `[height, width, 3]` → `[3, height, width]` */
export function splitPlanes(interleaved: Uint8Array, planes: Uint8Array): void {
  const plane = planes.length / 3;
  for (let i = 0; i < plane; i++) {
    planes[i] = interleaved[3 * i]!;
    planes[plane + i] = interleaved[3 * i + 1]!;
    planes[2 * plane + i] = interleaved[3 * i + 2]!;
  }
}

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { DataError } from '@flowmap/core';
import type { Rgb } from '../rgb.js';
import { BadImagesError, type BadImage, type ImageSize } from './errors.js';
import { ImageSizeError } from './errors.js';
import { FORMATS_IN_WORDS, imageFormat, type ImageFormat } from './image-format.js';
import { mapConcurrently } from './map-concurrently.js';
import { messageOf, unreadable } from './read-bytes.js';
import { loadSharp, type Sharp } from './sharp.js';

/**
 * What is kept of an image with another aspect ratio than wanted: its centre, its upper, lower, left or right part, or
 * with 'none' all of it, on the background.
 */
export type Crop = 'centre' | 'top' | 'bottom' | 'left' | 'right' | 'none';

/** All values of {@link Crop}. */
export const CROPS: readonly Crop[] = ['centre', 'top', 'bottom', 'left', 'right', 'none'];

/** How an image is decoded. */
export interface ImageDecoding {
  /** Size to which every image is cropped and resized; omit to take all images as they are. */
  readonly size?: ImageSize | undefined;
  /** What is kept of an image with another aspect ratio. */
  readonly crop: Crop;
  /** 3 for red, green and blue, 1 for grey. */
  readonly channels: 1 | 3;
  /** The colour behind transparent pixels. */
  readonly background: Rgb;
  /** The most pixels in an image, before it is resized. */
  readonly maxPixels: number;
}

/** Options of {@link decodeImages}. */
interface DecodeOptions extends ImageDecoding {
  /** Whether bad images are left out instead of refused. */
  readonly skip: boolean;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A receiver of decoded images. */
export interface PixelSink {
  /** Receives image `index`, `[channels, height, width]`; images come in any order, each once. */
  write(index: number, planes: Uint8Array): Promise<void> | void;
}

/** Twice the number of processors: while one image is decoded in sharp's thread pool, the next is read. */
export const DECODERS = 2 * availableParallelism();

/** A decoded image. */
export interface DecodedImage {
  /** `[height, width, channels]` */
  readonly interleaved: Uint8Array;
  readonly size: ImageSize;
}

/**
 * Decodes images of one size to planes, several at once in sharp's thread pool.
 *
 * @param names paths of the images relative to the folder
 * @param open called once with the size of all images; returns their receiver
 * @returns what `open` returned, and the images that were left out, in order
 * @throws {BadImagesError} naming all files that are truncated, corrupt, over the limit or not in a supported format,
 *   if bad images are not left out or there are no others
 * @throws {ImageSizeError} when an image has another size than the first and no `size` is given
 * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
 */
export async function decodeImages<Sink extends PixelSink>(
  folder: string,
  names: readonly string[],
  options: DecodeOptions,
  open: (size: ImageSize) => Promise<Sink> | Sink,
): Promise<{ readonly sink: Sink; readonly bad: readonly BadImage[] }> {
  const { onProgress, signal, skip } = options;
  const sharp = await loadSharp();
  const bad: BadImage[] = [];
  let done = 0;
  const decoded = async (index: number): Promise<DecodedImage | undefined> => {
    signal?.throwIfAborted();
    const path = join(folder, names[index]!);
    try {
      return await decodeImage(sharp, path, options);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      const fault = error.message.slice(new DataError(path, '').message.length);
      bad.push({ index, path, fault, error });
      onProgress?.(++done, names.length);
      return undefined;
    }
  };
  let first = 0;
  let image = await decoded(first);
  while (!image && first + 1 < names.length) image = await decoded(++first);
  if (!image) throw new BadImagesError(folder, bad);
  const { size } = image;
  const sink = await open(size);
  const planes = (interleaved: Uint8Array): Uint8Array => {
    const result = new Uint8Array(interleaved.length);
    splitPlanes(interleaved, result, options.channels);
    return result;
  };
  await sink.write(first, planes(image.interleaved));
  onProgress?.(++done, names.length);
  await mapConcurrently(names, DECODERS, async (name, index) => {
    const next = index > first ? await decoded(index) : undefined;
    if (!next) return;
    if (next.size[0] !== size[0] || next.size[1] !== size[1]) {
      throw new ImageSizeError(join(folder, name), next.size, join(folder, names[first]!), size);
    }
    await sink.write(index, planes(next.interleaved));
    onProgress?.(++done, names.length);
  });
  bad.sort((a, b) => a.index - b.index);
  if (bad.length > 0 && !skip) throw new BadImagesError(folder, bad);
  return { sink, bad };
}

/**
 * Decodes an image, or the first frame of an animation.
 *
 * @throws {DataError} for a file that is truncated, corrupt, over the limit or not in a supported format
 */
export async function decodeImage(sharp: Sharp, path: string, decoding: ImageDecoding): Promise<DecodedImage> {
  // Read here and not by libvips, which caches files by name and may return the contents of an older one.
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  return decodeBytes(sharp, path, bytes, decoding);
}

/** Decodes the content of an image; see {@link decodeImage}. */
export async function decodeBytes(
  sharp: Sharp,
  path: string,
  bytes: Uint8Array,
  { size, crop, channels, background: [r, g, b], maxPixels }: ImageDecoding,
): Promise<DecodedImage> {
  const damaged = (cause: unknown): never => {
    throw new DataError(path, `is truncated, corrupt or not an image (${messageOf(cause)})`, { cause });
  };
  if (bytes.length === 0) throw new DataError(path, 'is empty, not an image');
  const format = imageFormat(bytes);
  const noImage = `is not an image: its content is not ${FORMATS_IN_WORDS}`;
  if (!format) throw new DataError(path, noImage);
  const found = await sharp(bytes, { limitInputPixels: false }).metadata().catch(damaged);
  if (!isOf(found.format, format)) throw new DataError(path, noImage);
  if (found.width * found.height > maxPixels) {
    const fault = `has ${found.width} x ${found.height} pixels, the limit maxPixels is ${maxPixels}`;
    throw new DataError(path, fault, { limit: 'maxPixels' });
  }
  const background = { r, g, b };
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: false });
  // The background has a colour, which an image with two bands cannot hold.
  if (found.channels <= 2 && (found.hasAlpha || crop === 'none')) image.pipelineColourspace('srgb');
  image.autoOrient().flatten({ background });
  if (size) {
    const [height, width] = size;
    const kept =
      crop === 'none' ? ({ fit: 'contain', background } as const) : { fit: 'cover' as const, position: crop };
    image.resize({ height, width, kernel: 'lanczos3', ...kept });
  }
  const { data, info } = await image
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(damaged);
  return { interleaved: data, size: [info.height, info.width] };
}

/** Whether the decoder found the format that the first bytes of the image indicate. */
function isOf(decoder: string, format: ImageFormat): boolean {
  return decoder === (format === 'avif' ? 'heif' : format);
}

/** `[height, width, channels]` → `[channels, height, width]` */
export function splitPlanes(interleaved: Uint8Array, planes: Uint8Array, channels: 1 | 3 = 3): void {
  const plane = planes.length / channels;
  if (channels === 1) {
    planes.set(interleaved);
    return;
  }
  for (let i = 0; i < plane; i++) {
    planes[i] = interleaved[3 * i]!;
    planes[plane + i] = interleaved[3 * i + 1]!;
    planes[2 * plane + i] = interleaved[3 * i + 2]!;
  }
}

import { join } from 'node:path';
import { DataError, hostTensor, requireKnownOptions } from '@flowmap/core';
import { checkBatchSize, checkClasses, checkInteger, checkPath, checkSize } from '../internal/checks.js';
import { checkBackground, type Rgb } from '../rgb.js';
import { decodeImage, DECODERS, splitPlanes, type DecodedImage, type ImageDecoding } from './decode-images.js';
import { ImageSizeError, type ImageSize } from './errors.js';
import type { FileCounts } from './file-counts.js';
import { MAX_PIXELS, requireLimit } from './limits.js';
import { kindsOf } from './file-kinds.js';
import { statesOf } from './file-states.js';
import { listAllImages } from './list-images.js';
import { mapConcurrently } from './map-concurrently.js';
import { scanFolder } from './scan-folder.js';
import { loadSharp, type Sharp } from './sharp.js';

type HostTensor = ReturnType<typeof hostTensor>;

/** Options of {@link imageBatches}. */
export interface ImageBatchesOptions {
  /** Images in a batch, except the last; 64 unless given. */
  readonly batchSize?: number;
  /** `[height, width]` to which every image is resized; omit if all images already have the same size. */
  readonly size?: ImageSize;
  /**
   * Sub-folders to read, with all folders in them; `[]` = only the images directly in the folder. Default: all images at
   * any depth.
   */
  readonly classes?: readonly string[];
  /** Colour behind transparent pixels, red, green, blue, 0 to 255; default white. */
  readonly background?: Rgb;
  /** The most pixels in an image, before it is resized; 2^26 unless given. */
  readonly maxPixels?: number;
  /** How many unreadable images are left out before reading fails; 0 unless given. */
  readonly maxUnreadable?: number;
  /** Stops the reading with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An image that could not be decoded. */
export interface UnreadableImage {
  readonly path: string;
  /** The reason, with the path. */
  readonly message: string;
}

/** The images of a folder, read on demand. */
export interface ImageBatches {
  /** Paths relative to the folder, in the order in which they are read. */
  readonly names: readonly string[];
  /** Files that are not images, by extension; hidden files are not counted. */
  readonly leftOut: FileCounts;
  /** Images that were left out because they could not be read, since `read` was last called. */
  readonly unreadable: readonly UnreadableImage[];
  /**
   * Reads all images once, the next batch while one is used.
   *
   * @returns float32 `[n, 3, height, width]`, −1 … 1
   * @throws {DataError} when more than `maxUnreadable` images are truncated, corrupt or over `maxPixels`, naming them
   * @throws {ImageSizeError} when the images differ in size and no `size` is given
   * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
   */
  readonly read: () => AsyncGenerator<HostTensor>;
}

/** The most unreadable images that a message names. */
const NAMED = 3;

/**
 * The images of a folder batch by batch, without holding more than two batches in memory: for going
 * through a large folder once, as statistics do. {@link imageFolder} makes a dataset for training from a
 * folder.
 *
 * Images are found directly in the folder and at any depth below, in the order of their paths, and are recognised and
 * decoded as in `imageFolder`.
 *
 * @param folder folder with the images
 * @throws {DataError} when the folder or a class is missing, or has no images
 * @throws {ConfigError} when an option is out of range
 *
 * @example
 * const { read } = await imageBatches('photos', { size: [64, 64] });
 * for await (const images of read()) console.log(images.shape); // [64, 3, 64, 64]
 */
export async function imageBatches(folder: string, options: ImageBatchesOptions = {}): Promise<ImageBatches> {
  checkPath('imageBatches.folder', folder);
  requireKnownOptions('imageBatches', options, {
    batchSize: true,
    size: true,
    classes: true,
    background: true,
    maxPixels: true,
    maxUnreadable: true,
    signal: true,
  });
  const { batchSize = 64, size, classes, background = [255, 255, 255], maxPixels = MAX_PIXELS, signal } = options;
  const { maxUnreadable = 0 } = options;
  checkInteger('imageBatches', 'batchSize', batchSize, 1);
  if (maxUnreadable !== Infinity) checkInteger('imageBatches', 'maxUnreadable', maxUnreadable, 0);
  requireLimit('imageBatches.maxPixels', maxPixels);
  if (size !== undefined) checkSize('imageBatches', size);
  checkClasses('imageBatches', classes);
  checkBackground('imageBatches', background);
  const scan = await scanFolder(folder, classes, true);
  const kinds = await kindsOf(scan, await statesOf(scan), signal);
  const { names, leftOut } = listAllImages(scan, kinds, classes);
  const decoding: ImageDecoding = { size, crop: 'centre', channels: 3, background, maxPixels };
  const unreadable: UnreadableImage[] = [];

  const decodeSome = (sharp: Sharp, first: number): Promise<readonly (Image | UnreadableImage)[]> =>
    mapConcurrently(names.slice(first, first + batchSize), DECODERS, async (name) => {
      signal?.throwIfAborted();
      const path = join(folder, name);
      try {
        return { path, ...(await decodeImage(sharp, path, decoding)) };
      } catch (error) {
        if (error instanceof DataError) return { path, message: error.message };
        throw error;
      }
    });

  async function* read(): AsyncGenerator<HostTensor> {
    const sharp = await loadSharp();
    unreadable.length = 0;
    let first: Image | undefined;
    let ahead = decodeSome(sharp, 0);
    for (let done = 0; done < names.length; done += batchSize) {
      const decoded = await ahead;
      for (const image of decoded) if ('message' in image) unreadable.push(image);
      if (unreadable.length > maxUnreadable) throw tooMany(folder, unreadable, maxUnreadable);
      const images = decoded.filter((image) => 'interleaved' in image);
      if (done + batchSize < names.length) {
        ahead = decodeSome(sharp, done + batchSize);
        ahead.catch(() => undefined); // reported when it is awaited, unless the reader stops first
      }
      if (images.length === 0) continue;
      first ??= images[0]!;
      yield batchOf(images, first);
    }
    signal?.throwIfAborted();
  }
  return { names, leftOut, unreadable, read };
}

interface Image extends DecodedImage {
  readonly path: string;
}

function batchOf(images: readonly Image[], first: Image): HostTensor {
  const [height, width] = first.size;
  const other = images.find(({ size }) => size[0] !== height || size[1] !== width);
  if (other) throw new ImageSizeError(other.path, other.size, first.path, first.size);
  const length = 3 * height * width;
  checkBatchSize('imageBatches.batchSize', images.length, length);
  const pixels = new Uint8Array(images.length * length);
  for (const [i, { interleaved }] of images.entries()) {
    splitPlanes(interleaved, pixels.subarray(i * length, (i + 1) * length));
  }
  return hostTensor(
    [images.length, 3, height, width],
    Float32Array.from(pixels, (byte) => byte / 127.5 - 1),
  );
}

function tooMany(folder: string, unreadable: readonly UnreadableImage[], most: number): DataError {
  const named = unreadable.slice(0, NAMED).map(({ message }) => message);
  const more = unreadable.length > NAMED ? `, and ${unreadable.length - NAMED} more` : '';
  const count = unreadable.length === 1 ? '1 image' : `${unreadable.length} images`;
  return new DataError(
    folder,
    `has ${count} so far that cannot be read, more than maxUnreadable, ${most}: ${named.join('; ')}${more}`,
    { limit: 'maxUnreadable' },
  );
}

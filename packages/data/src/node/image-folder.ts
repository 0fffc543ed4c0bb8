import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { requireKnownOptions, type Dataset, type OptionNames } from '@flowmap/core';
import { imageDataset } from '../image-dataset.js';
import { checkClasses, checkPath, checkSize } from '../internal/checks.js';
import type { Rgb } from '../rgb.js';
import { checkBackground } from '../rgb.js';
import { decodeImages } from './decode-images.js';
import type { ImageSize } from './errors.js';
import type { FileCounts } from './file-counts.js';
import type { CachedImages } from './image-cache.js';
import { defaultCacheFolder, readImageCache, writeImageCache } from './image-cache.js';
import type { ImageFile } from './list-images.js';
import { listImages } from './list-images.js';
import { MAX_PIXELS, requireLimit } from './limits.js';
import { makeFolder } from './make-folder.js';

/** Options of {@link imageFolder}. */
export interface ImageFolderOptions {
  /** `[height, width]` to which every image is brought; omit if all images already have the same size. */
  readonly size?: ImageSize;
  /**
   * Sub-folders to use, in the order of their labels; `[]` = only the images directly in the folder, unconditional.
   * Other sub-folders are ignored. Default: all sub-folders, ordered by name, if any of them contains images.
   */
  readonly classes?: readonly string[];
  /** Colour behind transparent pixels, red, green, blue, 0 to 255; default white. */
  readonly background?: Rgb;
  /** Most pixels in an image, before it is resized; 2^26 unless given. */
  readonly maxPixels?: number;
  /** Folder for decoded images; `false` = keep none; default: `flowmap` in the user's cache folder. */
  readonly cache?: string | false;
  /** Called after each decoded image; not called when the cache is used. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops the decoding; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The images of a folder, `length` files, and counts of what was left out; hidden files are not counted. */
export interface ImageFolderDataset extends Dataset {
  /** Files left out where images are read: those of another kind, or not in one of the `classes`; by extension. */
  readonly leftOut: FileCounts;
  /** Files of any kind, including images, in folders too deep to be read; by extension. */
  readonly tooDeep: FileCounts;
}

const OPTIONS: OptionNames<ImageFolderOptions> = {
  size: true,
  classes: true,
  background: true,
  maxPixels: true,
  cache: true,
  onProgress: true,
  signal: true,
};

/**
 * A folder of PNG, JPEG or WebP images as a dataset, held in memory as 8-bit RGB.
 *
 * Images directly in the folder make an unconditional dataset; images in sub-folders have their sub-folder as the
 * class. Deeper folders, hidden files and other kinds of file are not read; what was left out is counted in `leftOut`
 * and `tooDeep`, and {@link imageFolderSummary} puts it in words. Images are rotated according to their EXIF
 * orientation, converted to sRGB, laid over `background` and, given `size`, scaled (Lanczos 3) to cover it and cropped
 * at the centre. The decoded pixels are kept in a separate cache file for each folder and set of options, and reused as
 * long as no image is added, removed or changed (name, bytes, time of change). A damaged cache is rebuilt; if the
 * default cache folder cannot be written, no cache is kept.
 *
 * @param folder folder with the images
 * @returns a dataset of `[3, height, width]` images in −1 … 1
 * @throws {DataError} when the folder is missing or has no images, a class folder has nothing readable directly in it,
 *   an image is truncated, corrupt or over `maxPixels`, images lie both beside and in sub-folders and `classes` is not
 *   given, or the given cache folder cannot be written
 * @throws {ImageSizeError} when the images differ in size and no `size` is given
 * @throws {ConfigError} for an unknown option, or when `size`, `background` or `maxPixels` is out of range
 * @throws {ImageCodecUnavailableError} when images must be decoded and the package `sharp` is not installed
 */
export async function imageFolder(folder: string, options: ImageFolderOptions = {}): Promise<ImageFolderDataset> {
  checkPath('imageFolder.folder', folder);
  requireKnownOptions('imageFolder', options, OPTIONS);
  const { size, classes: wantedClasses, background = [255, 255, 255], cache, ...rest } = options;
  const { maxPixels = MAX_PIXELS } = options;
  requireLimit('imageFolder.maxPixels', maxPixels);
  if (size !== undefined) checkSize('imageFolder', size);
  checkClasses('imageFolder', wantedClasses);
  checkBackground('imageFolder', background);

  const { files, classes, leftOut, tooDeep } = await listImages(folder, wantedClasses);
  const decoded = (): Promise<CachedImages> => decodeImages(files, { ...rest, size, background, maxPixels });
  const images =
    cache === false
      ? await decoded()
      : await throughCache(cache, { folder: resolve(folder), size, background, wantedClasses }, files, decoded);
  const dataset = imageDataset({
    name: basename(resolve(folder)),
    pixels: images.pixels,
    shape: [3, ...images.size],
    labels: files.map(({ label }) => label),
    classes,
  });
  return { ...dataset, leftOut, tooDeep };
}

/** The cached images if they are valid, else the decoded ones, which are then cached. */
async function throughCache(
  cacheFolder: string | undefined,
  options: { readonly folder: string; readonly [option: string]: unknown },
  files: readonly ImageFile[],
  decode: () => Promise<CachedImages>,
): Promise<CachedImages> {
  const key = sha256(options).toString('hex').slice(0, 16);
  const path = join(cacheFolder ?? defaultCacheFolder(), `${basename(options.folder)}-${key}.pixels`);
  const fingerprint = sha256({
    options,
    files: files.map(({ name, bytes, modified }) => [name, bytes, modified]),
  });
  const cached = await readImageCache(path, fingerprint, files.length);
  if (cached) return cached;
  if (cacheFolder !== undefined) await makeFolder(cacheFolder); // before the long work, not after it
  const images = await decode();
  const written = writeImageCache(path, fingerprint, images);
  await (cacheFolder === undefined ? written.catch(() => undefined) : written);
  return images;
}

function sha256(value: unknown): Buffer {
  return createHash('sha256').update(JSON.stringify(value)).digest();
}

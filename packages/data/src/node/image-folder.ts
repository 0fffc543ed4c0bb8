import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { ConfigError, DataError, quoted, requireKnownOptions, type OptionNames } from '@flowmap/core';
import { imageDataset, type LabelledDataset } from '../image-dataset.js';
import { checkClasses, checkInteger, checkPath, checkSize } from '../internal/checks.js';
import type { Rgb } from '../rgb.js';
import { checkBackground } from '../rgb.js';
import { defaultCacheFolder, removeLeftovers } from './cache-folder.js';
import { CROPS, decodeImages, type Crop, type ImageDecoding } from './decode-images.js';
import { BadImagesError, type BadImage, type ImageSize } from './errors.js';
import type { FileCounts } from './file-counts.js';
import { kindsOf, type FileKinds } from './file-kinds.js';
import { fingerprintOf, statesOf, untilSettled } from './file-states.js';
import { imagesOnDisk } from './images-on-disk.js';
import { formatsOf, listImages, type FormatCounts, type ImageListing } from './list-images.js';
import { MAX_PIXELS, requireLimit } from './limits.js';
import { makeFolder } from './make-folder.js';
import { openPixelFile, type PixelFile, type PixelFileFacts } from './pixel-file.js';
import { openPixelStore, pixelsInMemory, type PixelStore } from './pixel-store.js';
import { scanFolder } from './scan-folder.js';

/** Options of {@link imageFolder}. */
export interface ImageFolderOptions {
  /** `[height, width]` to which every image is resized; omit if all images already have the same size. */
  readonly size?: ImageSize;
  /**
   * What is kept of an image whose aspect ratio is not that of `size`: `'centre'` unless given, `'top'`, `'bottom'`,
   * `'left'` or `'right'`, or with `'none'` the whole image, on the background.
   */
  readonly crop?: Crop;
  /** 3 for red, green and blue, the default, or 1 for grey. */
  readonly channels?: 1 | 3;
  /**
   * Sub-folders to use, in the order of their labels; `[]` = only the images directly in the folder, unconditional.
   * Other sub-folders are ignored. Default: all sub-folders, ordered by name, if any of them contains images.
   */
  readonly classes?: readonly string[];
  /**
   * What to do with images that are damaged or over `maxPixels`: `'refuse'`, the default, throws an error that names
   * all of them; `'skip'` leaves them out and lists them as `bad`.
   */
  readonly onBad?: 'refuse' | 'skip';
  /** Colour behind transparent pixels, red, green, blue, 0 to 255; default white. */
  readonly background?: Rgb;
  /** The most pixels in an image, before it is resized; 2^26 unless given. */
  readonly maxPixels?: number;
  /**
   * The most bytes of pixels held in memory; 2^28 unless given. If there are more, the pixels of each batch are read
   * from the cache file when it is requested.
   */
  readonly maxMemory?: number;
  /** Folder for decoded images; `false` = keep none; default: `flowmap` in the user's cache folder. */
  readonly cache?: string | false;
  /** Called after each decoded image; not called when the cache is used. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops the reading with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The images of a folder, `length` files, and what was left out; hidden files are not counted. */
export interface ImageFolderDataset extends LabelledDataset {
  /** Numbers of images by their format. */
  readonly formats: FormatCounts;
  /** Files left out because they are not images, or not in one of the `classes`, counted by extension. */
  readonly leftOut: FileCounts;
  /** The first five of them, as paths relative to the folder. */
  readonly leftOutNames: readonly string[];
  /** Images that were left out because they cannot be read (`onBad: 'skip'`), all of them. */
  readonly bad: readonly BadImage[];
}

const OPTIONS: OptionNames<ImageFolderOptions> = {
  size: true,
  crop: true,
  channels: true,
  classes: true,
  onBad: true,
  background: true,
  maxPixels: true,
  maxMemory: true,
  cache: true,
  onProgress: true,
  signal: true,
};

/** Default limit on the bytes of pixels in memory. */
const MAX_MEMORY = 2 ** 28;

/**
 * A folder of PNG, JPEG, WebP, GIF, TIFF or AVIF images as a dataset of 8-bit pixels.
 *
 * Images are recognised by the content of a file, whatever its name. Images directly in the folder make an
 * unconditional dataset; images at any depth of sub-folders have their sub-folder as the class. Hidden files and other
 * kinds of file are not read; what was left out is counted in `leftOut`, and {@link imageFolderSummary} puts it in
 * words. A file that has an image's name but is not an image counts as damaged.
 *
 * Of an animation the first frame is taken. Images are rotated according to their EXIF orientation, converted to sRGB or
 * grey, laid over `background` and, given `size`, scaled (Lanczos 3) to cover it and cropped. The decoded pixels are kept
 * in a separate cache file for each folder and set of options, and reused as long as no image is added, removed,
 * replaced or changed (name, bytes, times of change, inode). A damaged cache is rebuilt; if the default cache folder
 * cannot be written, no cache is kept.
 *
 * @param folder folder with the images
 * @returns a dataset of `[channels, height, width]` images in −1 … 1
 * @throws {DataError} when the folder is missing or has no images, a class has nothing that can be read, images are
 *   both beside and in sub-folders and `classes` is not given, or the given cache folder cannot be written
 * @throws {BadImagesError} naming all images that are truncated, corrupt or over `maxPixels`, unless `onBad` is 'skip'
 * @throws {ImageSizeError} when the images differ in size and no `size` is given
 * @throws {WriteError} when pixels that do not fit in memory cannot be written
 * @throws {ConfigError} for an unknown option, or an option out of range
 * @throws {ImageCodecUnavailableError} when images must be decoded and the package `sharp` is not installed
 */
export async function imageFolder(folder: string, options: ImageFolderOptions = {}): Promise<ImageFolderDataset> {
  checkPath('imageFolder.folder', folder);
  const { decoding, classes, maxMemory, skip, cache } = checked(options);
  const { onProgress, signal } = options;

  const scan = await scanFolder(folder, classes);
  const states = await statesOf(scan);
  await untilSettled(states);
  const settings = settingsOf(resolve(folder), decoding, classes);
  const cacheFolder = cache === false ? undefined : (cache ?? defaultCacheFolder());
  const place = cacheFolder === undefined ? undefined : join(cacheFolder, fileName(settings));
  const limited = { ...settings, ...(decoding.maxPixels === MAX_PIXELS ? {} : { maxPixels: decoding.maxPixels }) };
  const all = fingerprintOf(limited, scan, states);
  const cached = place === undefined ? undefined : await openPixelFile(place);
  const isKnown = cached && isEqual(cached.all, all) && cached.kinds.length === scan.names.length;
  const kinds = isKnown ? cached.kinds : await kindsOf(scan, states, signal);
  const listing = listImages(scan, kinds, classes);
  const names = Array.from(listing.images, (image) => scan.names[image]!);
  const images = fingerprintOf(limited, scan, states, listing.images);
  const finished = (pixels: PixelFile | Uint8Array, size: ImageSize, bad: readonly BadImage[]): ImageFolderDataset =>
    datasetOf(basename(resolve(folder)), { pixels, shape: [decoding.channels, ...size] }, listing, kinds, bad);

  if (cached && isEqual(cached.images, images) && cached.count === names.length - cached.skipped.length) {
    const bad = badImages(folder, names, cached.skipped);
    if (bad.length > 0 && !skip) throw new BadImagesError(folder, bad);
    const pixels = await inMemoryIfSmall(cached, maxMemory);
    if (pixels) return finished(pixels, cached.size, bad);
  }
  await cached?.close();

  let store: PixelStore | undefined;
  try {
    const path = place !== undefined && (await isWritable(cache)) ? place : undefined;
    const { sink, bad } = await decodeImages(folder, names, { ...decoding, skip, onProgress, signal }, async (size) => {
      const sizes = { count: names.length, channels: decoding.channels, size };
      store = await openPixelStore(path, sizes, maxMemory, cache === undefined);
      return store;
    });
    requireReadable(folder, listing, bad);
    const skipped = bad.map(({ index, fault }) => [index, fault] as const);
    return finished(await sink.finish({ all, images, kinds, skipped }), sink.size, bad);
  } catch (error) {
    await store?.discard();
    throw error;
  }
}

interface Checked {
  readonly decoding: ImageDecoding;
  readonly classes: readonly string[] | undefined;
  readonly maxMemory: number;
  readonly skip: boolean;
  readonly cache: string | false | undefined;
}

/** The options with their defaults. */
function checked(options: ImageFolderOptions): Checked {
  requireKnownOptions('imageFolder', options, OPTIONS);
  const { size, crop = 'centre', channels = 3, background = [255, 255, 255], maxPixels = MAX_PIXELS } = options;
  const { classes, onBad = 'refuse', maxMemory = MAX_MEMORY, cache } = options;
  requireLimit('imageFolder.maxPixels', maxPixels);
  if (maxMemory !== Infinity) checkInteger('imageFolder', 'maxMemory', maxMemory, 0);
  if (size !== undefined) checkSize('imageFolder', size);
  requireOneOf('imageFolder.crop', crop, CROPS);
  if (options.crop !== undefined && size === undefined) {
    throw new ConfigError('imageFolder.crop', 'has no effect without size, the size that images are cropped to');
  }
  requireOneOf('imageFolder.channels', channels, [1, 3]);
  requireOneOf('imageFolder.onBad', onBad, ['refuse', 'skip']);
  checkClasses('imageFolder', classes);
  checkBackground('imageFolder', background);
  const decoding: ImageDecoding = { size, crop, channels, background, maxPixels };
  return { decoding, classes, maxMemory, skip: onBad === 'skip', cache };
}

function requireOneOf<T>(option: string, value: T, allowed: readonly T[]): void {
  if (allowed.includes(value)) return;
  throw new ConfigError(option, `wanted one of ${allowed.join(', ')}; got ${quoted(value)}`);
}

/** What pixels depend on besides the images. */
interface Settings {
  readonly folder: string;
  readonly [option: string]: unknown;
}

/** Options added later are left out at their defaults, so that files of earlier versions are replaced. */
function settingsOf(
  folder: string,
  { size, crop, channels, background }: ImageDecoding,
  wantedClasses: readonly string[] | undefined,
): Settings {
  return {
    ...{ folder, size, background, wantedClasses },
    ...(crop === 'centre' ? {} : { crop }),
    ...(channels === 3 ? {} : { channels }),
  };
}

function fileName(settings: Settings): string {
  const key = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
  return `${basename(settings.folder)}-${key}.pixels`;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** The file itself if its pixels do not fit in memory, otherwise its pixels; undefined if they are damaged. */
async function inMemoryIfSmall(file: PixelFile, maxMemory: number): Promise<PixelFile | Uint8Array | undefined> {
  const pixels = pixelsInMemory(file.count * file.channels * file.size[0] * file.size[1], maxMemory);
  if (!pixels) return file;
  const isWhole = await file.readAll(pixels);
  await file.close();
  return isWhole ? pixels : undefined;
}

/**
 * Creates the cache folder before the long work, not after it.
 *
 * @returns false for the default folder if it cannot be written
 * @throws {DataError} when a given folder cannot be written
 */
async function isWritable(cache: string | false | undefined): Promise<boolean> {
  const folder = cache === undefined || cache === false ? defaultCacheFolder() : cache;
  if (folder === undefined) return false;
  const made = makeFolder(folder);
  const done = cache === undefined ? await made.then(() => true).catch(() => false) : await made.then(() => true);
  if (done) await removeLeftovers(folder);
  return done;
}

function badImages(folder: string, names: readonly string[], skipped: PixelFileFacts['skipped']): BadImage[] {
  return skipped.map(([index, fault]) => {
    const path = join(folder, names[index]!);
    return { index, path, fault, error: new DataError(path, fault) };
  });
}

/** Refuses a class none of whose images can be read. */
function requireReadable(folder: string, { labels, classes }: ImageListing, bad: readonly BadImage[]): void {
  const left = new Int32Array(classes.length);
  for (const label of labels) if (classes.length > 0) left[label]!++;
  for (const { index } of bad) if (classes.length > 0) left[labels[index]!]!--;
  const empty = left.indexOf(0);
  if (empty < 0) return;
  const first = bad.find(({ index }) => labels[index] === empty)!;
  throw new DataError(
    join(folder, classes[empty]!),
    `class '${classes[empty]!}' has nothing that can be read: ${first.error.message}`,
  );
}

/** The dataset for pixels from which the bad images have been left out. */
function datasetOf(
  name: string,
  { pixels, shape }: { readonly pixels: PixelFile | Uint8Array; readonly shape: readonly number[] },
  { images, labels, classes, leftOut, leftOutNames }: ImageListing,
  kinds: FileKinds,
  bad: readonly BadImage[],
): ImageFolderDataset {
  const gone = new Set(bad.map(({ index }) => index));
  const isKept = (_: number, i: number): boolean => !gone.has(i);
  const kept = labels.filter(isKept);
  const data =
    pixels instanceof Uint8Array
      ? imageDataset({ name, pixels, shape, labels: kept, classes })
      : imagesOnDisk(name, pixels, kept, classes);
  return { ...data, formats: formatsOf(images.filter(isKept), kinds), leftOut, leftOutNames, bad };
}

import type { DataReport, Dataset } from '@flowmap/core';
import type { ImageFolderDataset } from '@flowmap/data/node';
import type { CommandContext } from './command.js';
import { choice, flag, names, side, sidesOf, whole, wholes, type Config } from './options.js';
import { showProgress } from './progress.js';

/** Options for how images are read and used in training. */
export const IMAGE_OPTIONS = {
  size: side(
    'side, or height and width, that images are scaled and cropped to; unless given, they must all be of one size',
    null,
  ),
  classes: names(
    'folders to read, in the order of their labels; . for the images directly in the folder, without classes; all folders unless given',
    'NAME,…',
    null,
  ),
  crop: choice(
    'what is kept of images of another shape than --size; none keeps all of them, on white; the centre unless given',
    ['centre', 'top', 'bottom', 'left', 'right', 'none'],
    null,
  ),
  cropFrom: side(
    'side, or height and width, that images are scaled to first: crops of --size are then taken at 16 random places of each',
    null,
  ),
  grey: flag('read images as one grey channel in place of three colours'),
  onBad: choice(
    'what is done with images that cannot be read: refuse names all of them, skip leaves them out',
    ['refuse', 'skip'],
    'refuse',
  ),
  balanced: flag('show every class equally often, images of the smaller ones several times'),
  flip: flag('mirror images left to right at random'),
};

/** Options of the U-net that is trained as a teacher. */
export const UNET_OPTIONS = {
  channels: wholes("channels of the teacher's U-net, the full resolution first", [64, 128, 128]),
  blocks: whole("residual blocks of the teacher's U-net at each resolution, down and up", 1),
};

/** Which images are read, and how. */
export type ImageReading = Pick<
  Config<typeof IMAGE_OPTIONS>,
  'size' | 'classes' | 'crop' | 'cropFrom' | 'grey' | 'onBad' | 'balanced'
>;

/** Images that were read. */
export interface ReadImages {
  /** The data for training. */
  readonly data: Dataset;
  /** What was read and left out, in one line. */
  readonly summary: string;
  /** The same as numbers and names, which JSON can hold. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** The most bad images that are named, one per line. */
const NAMED = 20;

/**
 * Reads a folder of images, or one with a folder of images for each class, and says what it read and what it left
 * out.
 *
 * @throws {DataError} when the folder is missing or empty
 * @throws {BadImagesError} when images are damaged, unless `onBad` is 'skip'
 * @throws {ImageSizeError} when the images differ in size and none is given
 * @throws {ConfigError} when classes are to be balanced and there are none, and for crops that are larger than the
 *   images
 * @throws {ImageCodecUnavailableError} when images must be decoded and the package `sharp` is not installed
 */
export async function readImages(folder: string, options: ImageReading, context: CommandContext): Promise<ReadImages> {
  const { balanced, withCrops } = await import('@flowmap/data');
  const { imageFolder, imageFolderSummary } = await import('@flowmap/data/node');
  const { size, classes, crop, grey, onBad } = options;
  const scaled = await scaledTo(options);
  context.print(`reading images of ${folder}`);
  const progress = await showProgress(context, 'images');
  try {
    const images = await imageFolder(folder, {
      ...(scaled === null ? {} : { size: sidesOf(scaled) }),
      ...(classes === null ? {} : { classes: classes.join() === '.' ? [] : classes }),
      ...(crop === null ? {} : { crop }),
      ...(grey ? { channels: 1 } : {}),
      onBad,
      signal: context.signal,
      onProgress: progress.update,
    });
    const summary = imageFolderSummary(images);
    context.print(summary);
    for (const { error } of images.bad.slice(0, NAMED)) context.print(`  skipped ${error.message}`);
    if (images.bad.length > NAMED)
      context.print(`  skipped ${images.bad.length - NAMED} more; flowmap inspect --json lists all`);
    const shown = options.balanced ? balanced(images) : images;
    const data = options.cropFrom === null ? shown : withCrops(shown, { size: sidesOf(size!) });
    return { data, summary, facts: factsOf(images) };
  } finally {
    progress.stop();
  }
}

/**
 * The size that images are scaled to.
 *
 * @throws {ConfigError} when crops have no size, or are larger than the images
 */
async function scaledTo({ size, cropFrom }: ImageReading): Promise<ImageReading['size']> {
  if (cropFrom === null) return size;
  const { ConfigError } = await import('@flowmap/core');
  if (size === null) throw new ConfigError('--crop-from', 'wanted --size too, which is that of the crops');
  const [[height, width], [most, widest]] = [sidesOf(size), sidesOf(cropFrom)];
  if (height > most || width > widest) {
    throw new ConfigError('--crop-from', `wanted at least ${height}x${width}, as --size; got ${most}x${widest}`);
  }
  return cropFrom;
}

/** What was read, skipped and left out. */
function factsOf({
  length,
  formats,
  classes,
  labels,
  leftOut,
  leftOutNames,
  bad,
}: ImageFolderDataset): ReadImages['facts'] {
  const counts = classes.map(() => 0);
  if (classes.length > 0) for (const label of labels) counts[label]! += 1;
  return {
    read: length,
    formats,
    classes: Object.fromEntries(classes.map((name, label) => [name, counts[label]])),
    skipped: bad.map(({ error }) => error.message),
    leftOut,
    leftOutFirst: leftOutNames,
  };
}

/** Describes the values of data in one line, and warns if images do not fill [-1, 1]. */
export async function printData(data: Dataset, { print, note }: CommandContext): Promise<DataReport> {
  const { dataReport } = await import('@flowmap/core');
  const report = await dataReport(data);
  print(report.line);
  if (report.warning !== undefined) (note ?? print)(`warning: ${report.warning}`);
  return report;
}

import { imageBatches, type ImageBatchesOptions, type UnreadableImage } from '@flowmap/data/node';
import { requireKnownOptions, type HostTensor } from '@flowmap/tensor';
import type { Extractor } from '../extractors/extractor.js';
import { extractMoments } from '../extractors/extract-moments.js';
import type { FeatureMoments } from '../moments.js';

/** Options of {@link folderMoments}. */
export interface FolderMomentsOptions extends ImageBatchesOptions {
  /** Called after each batch with the number of images read or left out so far, and the number of all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Moments of the images of a folder, and what they leave out. */
export interface FolderMoments {
  /** Its `moments()` are a reference for `frechetDistance`; `encode()` makes a file of them. */
  readonly moments: FeatureMoments;
  /** Images that could not be read, at most `maxUnreadable`. */
  readonly unreadable: readonly UnreadableImage[];
  /** Numbers of files that are not images, by extension. */
  readonly leftOut: Readonly<Record<string, number>>;
}

/**
 * Moments of the features of a folder's images: reference statistics, or statistics of samples that were written as
 * images. Images are found at any depth, so folders may be flat, deep or have a sub-folder for each class; they are
 * read batch by batch.
 *
 * @param folder folder with PNG, JPEG or WebP images; PNG keeps every pixel
 * @param extractor takes images `[n, 3, height, width]` in [-1, 1]
 * @param given options of `imageBatches` of `@flowmap/data/node`, among others: `classes` restricts it to some
 *   sub-folders; `size` resizes images before the extractor does, which its protocol does not mention
 * @throws {DataError} when the folder or a class is missing or has no images, or more images than `maxUnreadable` (0
 *   unless given) cannot be read, naming them
 * @throws {ImageSizeError} when the images differ in size and no `size` is given
 * @throws {FeatureError} for features that are not `[n, width]` of one width, or hold a NaN or an infinity
 * @throws {ConfigError} when an option is out of range
 * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
 *
 * @example
 * const { moments } = await folderMoments('imagenet/train', extractor, { size: [64, 64] });
 * await writeFile('imagenet-64.npz', momentsToNpz(moments.moments()));
 */
export async function folderMoments(
  folder: string,
  extractor: Extractor,
  given: FolderMomentsOptions = {},
): Promise<FolderMoments> {
  requireKnownOptions('folderMoments', given, {
    onProgress: true,
    batchSize: true,
    size: true,
    classes: true,
    background: true,
    maxPixels: true,
    maxUnreadable: true,
    signal: true,
  });
  const { onProgress, ...options } = given;
  const { names, read, unreadable, leftOut } = await imageBatches(folder, options);
  async function* batches(): AsyncGenerator<HostTensor> {
    let done = 0;
    for await (const images of read()) {
      yield images;
      done += images.shape[0]!;
      onProgress?.(done + unreadable.length, names.length);
    }
  }
  return { moments: await extractMoments(extractor, batches()), unreadable, leftOut };
}

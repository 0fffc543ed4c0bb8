import type { ImageFolderDataset } from '@flowmap/data/node';
import type { CommandContext } from './command.js';
import { flag, whole, wholes } from './options.js';
import { showProgress } from './progress.js';

/** Options for how images are read and shown to a training. */
export const IMAGE_OPTIONS = {
  size: whole('side that images are scaled and cropped to; unless given, they must all be of one size', null),
  flip: flag('mirror images left to right at random'),
};

/** Options of the U-net that is trained as a teacher. */
export const UNET_OPTIONS = {
  channels: wholes("channels of the teacher's U-net, the full resolution first", [64, 128, 128]),
  blocks: whole("residual blocks of the teacher's U-net at each resolution, down and up", 1),
};

/**
 * Reads a folder of images, or of one folder of images for each class, and says what it read.
 *
 * @param size side that images are scaled and cropped to; null for images of one size
 * @throws {DataError} when the folder is missing or empty, or an image is damaged
 * @throws {ImageSizeError} when the images differ in size and none is given
 * @throws {ImageCodecUnavailableError} when images must be decoded and the package `sharp` is not installed
 */
export async function readImages(
  folder: string,
  size: number | null,
  context: CommandContext,
): Promise<ImageFolderDataset> {
  const { imageFolder, imageFolderSummary } = await import('@flowmap/data/node');
  context.print(`reading images of ${folder}`);
  const progress = await showProgress(context, 'images');
  try {
    const data = await imageFolder(folder, {
      ...(size === null ? {} : { size: [size, size] }),
      signal: context.signal,
      onProgress: progress.update,
    });
    context.print(imageFolderSummary(data));
    return data;
  } finally {
    progress.stop();
  }
}

import { writeFileAtomic } from '@flowmap/core/node';
import type { ImageGridOptions } from '../image-grid.js';
import { imageGrid } from '../image-grid.js';
import { loadSharp } from './sharp.js';

/**
 * Images laid out in rows, as the bytes of a PNG file; see `imageGrid` for the layout.
 *
 * @throws {ConfigError} when the images are not whole images of the given shape, or an option is out of range
 * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
 */
export async function encodeImageGrid(options: ImageGridOptions): Promise<Uint8Array> {
  const { pixels, width, height } = imageGrid(options);
  const sharp = await loadSharp();
  return sharp(pixels, { raw: { width, height, channels: 4 } })
    .removeAlpha()
    .png()
    .toBuffer();
}

/**
 * Writes images laid out in rows to a PNG file, atomically; its folder is created if missing.
 *
 * @throws {WriteError} when the file cannot be written
 * @throws {ConfigError} when the images are not whole images of the given shape, or an option is out of range
 * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
 */
export async function writeImageGrid(path: string, options: ImageGridOptions): Promise<void> {
  await writeFileAtomic(path, await encodeImageGrid(options));
}

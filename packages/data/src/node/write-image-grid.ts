import { extname } from 'node:path';
import { ConfigError } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import { checkPath } from '../internal/checks.js';
import type { ImageGridOptions } from '../image-grid.js';
import { imageGrid } from '../image-grid.js';
import { loadSharp } from './sharp.js';

const FORMATS = { '.png': 'png', '.jpg': 'jpeg', '.jpeg': 'jpeg', '.webp': 'webp' } as const;

/**
 * Images laid out in rows, as the bytes of a PNG file; see `imageGrid` for the layout.
 *
 * @throws {ConfigError} when the images are not whole images of the given shape, or an option is out of range
 * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
 */
export async function encodeImageGrid(options: ImageGridOptions): Promise<Uint8Array> {
  return encodeAs('png', options);
}

async function encodeAs(
  format: (typeof FORMATS)[keyof typeof FORMATS],
  options: ImageGridOptions,
): Promise<Uint8Array> {
  const { pixels, width, height } = imageGrid(options);
  const sharp = await loadSharp();
  return sharp(pixels, { raw: { width, height, channels: 4 } })
    .removeAlpha()
    .toFormat(format)
    .toBuffer();
}

/** Images as a tensor `[count, channels, height, width]`. */
export interface ImageTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * Writes images laid out in rows to a file, atomically; its folder is created if missing.
 *
 * @param path its extension determines the format: `.png`, `.jpg`, `.jpeg` or `.webp`
 * @param images the images and their layout, or a tensor such as a sampler returns
 * @throws {ConfigError} for another extension
 * @throws {WriteError} when the file cannot be written
 * @throws {ConfigError} when the images are not whole images of the given shape, or an option is out of range
 * @throws {ImageCodecUnavailableError} when the package `sharp` is not installed
 */
export async function writeImageGrid(path: string, images: ImageGridOptions | ImageTensor): Promise<void> {
  checkPath('writeImageGrid.path', path);
  const ending = extname(path).toLowerCase();
  if (!isFormat(ending)) {
    const wanted = Object.keys(FORMATS).join(', ');
    throw new ConfigError('writeImageGrid.path', `wanted a file ending in ${wanted}; got '${path}'`);
  }
  const options = 'images' in images ? images : { images: images.data, shape: images.shape.slice(1) };
  await writeFileAtomic(path, await encodeAs(FORMATS[ending], options));
}

function isFormat(ending: string): ending is keyof typeof FORMATS {
  return Object.hasOwn(FORMATS, ending);
}

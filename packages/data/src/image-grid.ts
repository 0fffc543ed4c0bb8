import { requireKnownOptions } from '@flowmap/core';
import { badArgument, checkImageShape, checkInteger } from './internal/checks.js';
import type { Rgb } from './rgb.js';
import { checkBackground } from './rgb.js';

/** Options of {@link imageGrid}: the images and their layout. */
export interface ImageGridOptions {
  /** The images one after another, `[count, channels, height, width]`, −1 (black) to 1 (white). */
  readonly images: ArrayLike<number>;
  /** Shape of one image, `[channels, height, width]`, with 1 or 3 channels. */
  readonly shape: readonly number[];
  /** Images per row; default: as close to a square of images as possible. */
  readonly columns?: number;
  /** Pixels of the picture per pixel of an image, in each direction; enlarged without smoothing; default 1. */
  readonly scale?: number;
  /** Pixels of the picture between and around images; default 1. */
  readonly gap?: number;
  /** Colour of the gaps and of empty places, red, green, blue, 0 to 255; default white. */
  readonly background?: Rgb;
}

/** An 8-bit picture in the layout of a canvas: `new ImageData(pixels, width)`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue and opacity (always 255) of each pixel, row by row: `[height, width, 4]`. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

/**
 * Lays images out in rows, left to right, as one picture.
 *
 * `pixel = (x + 1) · 127.5`, rounded and clamped to 0 … 255; NaN is shown black. Grey images become grey RGB.
 *
 * @throws {ConfigError} when the images are not complete images of the given shape, or an option is out of range
 */
export function imageGrid(options: ImageGridOptions): Picture {
  requireKnownOptions('imageGrid', options, {
    images: true,
    shape: true,
    columns: true,
    scale: true,
    gap: true,
    background: true,
  });
  const { images, shape, scale = 1, gap = 1 } = options;
  checkImageShape('imageGrid', shape);
  const [channels, rows, cols] = shape;
  const plane = rows * cols;
  const count = images.length / (channels * plane);
  if (count === 0 || !Number.isInteger(count)) {
    throw badArgument(
      'imageGrid',
      'images',
      `one or more images of [${shape.join(', ')}] = ${channels * plane} numbers each`,
      `${images.length} numbers`,
    );
  }
  const { columns = Math.ceil(Math.sqrt(count)), background = [255, 255, 255] } = options;
  checkBackground('imageGrid', background);
  checkInteger('imageGrid', 'columns', columns, 1);
  checkInteger('imageGrid', 'scale', scale, 1);
  checkInteger('imageGrid', 'gap', gap, 0);

  const pitchX = cols * scale + gap;
  const pitchY = rows * scale + gap;
  const width = columns * pitchX + gap;
  const height = Math.ceil(count / columns) * pitchY + gap;
  const pixels = new Uint8ClampedArray(height * width * 4);
  const [empty] = new Uint32Array(Uint8ClampedArray.of(...background, 255).buffer);
  new Uint32Array(pixels.buffer).fill(empty!);

  for (let image = 0; image < count; image++) {
    const left = gap + (image % columns) * pitchX;
    const top = gap + Math.floor(image / columns) * pitchY;
    for (let y = 0; y < rows * scale; y += scale) {
      const start = 4 * ((top + y) * width + left);
      const end = start + 4 * cols * scale;
      for (let x = 0; x < cols * scale; x++) {
        const from = image * channels * plane + (y / scale) * cols + Math.floor(x / scale);
        for (let channel = 0; channel < 3; channel++) {
          const value = images[from + (channels === 1 ? 0 : channel * plane)]!;
          pixels[start + 4 * x + channel] = Math.round((value + 1) * 127.5);
        }
      }
      for (let row = 1; row < scale; row++) pixels.copyWithin(start + 4 * row * width, start, end);
    }
  }
  return { width, height, pixels };
}

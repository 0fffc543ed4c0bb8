import { hostTensor, requireKnownOptions, requireWhole, sizeOf, type HostTensor } from '@flowmap/tensor';
import { FeatureError } from '../errors.js';
import {
  bicubicTaps,
  bilinearTaps,
  inFixedPoint,
  resizeBytes,
  resizeFloats,
  type Outputs,
  type Taps,
} from './resample.js';

/**
 * Ways to resize, which differ by several points of FID:
 *
 * - `tf1-bilinear`: TensorFlow 1's, as in ADM, EDM, StyleGAN and torch-fidelity. No antialiasing, no half-pixel centres.
 * - `bilinear`: PyTorch's, as in pytorch-fid. No antialiasing.
 * - `pillow-bicubic-float`: Pillow's on numbers, as in clean-fid: antialiased, not rounded, clipped to 0 … 255.
 * - `pillow-bicubic`: Pillow's on 8-bit pixels, as for DINOv2, CLIP and EfficientNet: antialiased, rounded after rows and
 *   after columns.
 */
export type ResizeConvention = 'tf1-bilinear' | 'bilinear' | 'pillow-bicubic-float' | 'pillow-bicubic';

/**
 * 8-bit pixels of images: `p = floor(127.5 x + 128)`, clipped to 0 … 255, which gives the pixels of a file back exactly.
 *
 * @param values of images, -1 (black) to 1 (white)
 */
export function quantize(values: ArrayLike<number>): Uint8Array {
  const pixels = new Uint8Array(values.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = Math.max(0, Math.min(255, Math.floor(127.5 * values[i]! + 128)));
  return pixels;
}

/**
 * Quantises images to 8 bits and resizes them to a square, as the tools do with whose numbers they are to be
 * compared.
 *
 * @param images `[n, channels, height, width]`, -1 (black) to 1 (white); a single channel is used for all
 *   three
 * @param size extent of the result in pixels, at least 1
 * @param options.crop whether images keep their aspect ratio: their shorter side becomes `size`, and the middle of the longer
 *   one is kept, as for CLIP; false unless given
 * @returns pixels from 0 to 255 as float32 `[n, 3, size, size]`
 * @throws {FeatureError} for a tensor of another shape, and for a NaN, naming the image
 * @throws {ConfigError} for a size that is not a whole number >= 1
 */
export function resizeImages(
  images: HostTensor,
  size: number,
  convention: ResizeConvention,
  options: { readonly crop?: boolean } = {},
): HostTensor {
  requireKnownOptions('resizeImages', options, { crop: true });
  const { crop = false } = options;
  requireWhole('resizeImages.size', size);
  requireImages('resizeImages', images);
  const [count, channels, height, width] = images.shape as [number, number, number, number];
  const area = height * width;
  const pixels = quantize(images.data);
  const shorter = Math.min(height, width);
  const [horizontal, vertical] = [width, height].map((extent) => {
    const whole = crop ? Math.floor((size * extent) / shorter) : size;
    return tapsFor(convention, extent, { whole, first: Math.floor((whole - size) / 2), count: size });
  }) as [Taps, Taps];
  const resized = (plane: Uint8Array): ArrayLike<number> => {
    if (width === size && height === size) return plane; // as all conventions have it
    return convention === 'pillow-bicubic'
      ? resizeBytes(plane, width, horizontal, vertical)
      : resizeFloats(Float32Array.from(plane), width, horizontal, vertical);
  };
  const result = new Float32Array(count * 3 * size * size);
  for (let plane = 0; plane < count * 3; plane++) {
    const from = channels === 3 ? plane : Math.floor(plane / 3);
    if (channels === 1 && plane % 3 > 0) {
      result.copyWithin(plane * size * size, (plane - 1) * size * size, plane * size * size);
      continue;
    }
    const values = pixels.subarray(from * area, (from + 1) * area);
    result.set(resized(values), plane * size * size);
  }
  if (convention === 'pillow-bicubic-float') {
    for (let i = 0; i < result.length; i++) result[i] = Math.max(0, Math.min(255, result[i]!));
  }
  return hostTensor([count, 3, size, size], result);
}

/**
 * Checks that samples are images.
 *
 * @param operation the function called, for messages
 * @throws {FeatureError} for a tensor of another shape than `[n, 1 or 3, height, width]`, and for a NaN, naming the image
 */
export function requireImages(operation: string, { shape, data }: HostTensor): void {
  const [, channels] = shape;
  if (shape.length !== 4 || (channels !== 1 && channels !== 3)) {
    throw new FeatureError(operation, `wanted images [n, 1 or 3, height, width], got [${shape.join(', ')}]`);
  }
  const nan = (data as Float32Array).findIndex(Number.isNaN);
  if (nan === -1) return;
  const sample = Math.floor(nan / sizeOf(shape.slice(1)));
  throw new FeatureError(operation, `image ${sample} has a NaN`, sample);
}

function tapsFor(convention: ResizeConvention, inputs: number, outputs: Outputs): Taps {
  if (convention === 'tf1-bilinear') return bilinearTaps(inputs, outputs, 'corner');
  if (convention === 'bilinear') return bilinearTaps(inputs, outputs, 'half-pixel');
  const taps = bicubicTaps(inputs, outputs);
  return convention === 'pillow-bicubic' ? inFixedPoint(taps) : taps;
}

import { uniforms } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';

/**
 * Mirrors one image of a batch left to right, in place.
 *
 * @param x values of the whole batch, `[count, channels, height, width]`
 * @param sample which image
 * @param size values in one image
 * @param width pixels in a row
 */
export function mirrorSample(x: Float32Array, sample: number, size: number, width: number): void {
  const end = (sample + 1) * size;
  for (let row = sample * size; row < end; row += width) x.subarray(row, row + width).reverse();
}

/**
 * Mirrors each image of a batch with probability 1/2, one coin flip per position in the stream of samples.
 *
 * @param shape of one image, `[channels, height, width]`
 * @returns the mirrored copy of a batch whose first image is at position `first`
 * @throws {ConfigError} when the shape is not that of images
 */
export function randomMirror(shape: readonly number[], seed: number): (x: Float32Array, first: number) => Float32Array {
  if (shape.length !== 3) {
    throw new ConfigError('flip', `wanted images [channels, height, width], got samples [${shape.join(', ')}]`);
  }
  const [channels, height, width] = shape as [number, number, number];
  const size = channels * height * width;
  return (x, first) => {
    const mirrored = x.slice();
    for (let i = 0; i * size < x.length; i++) {
      const position = first + i;
      const key = { seed, purpose: 'flip', step: Math.floor(position / 2 ** 32), sample: position % 2 ** 32 };
      if (uniforms(key, 1)[0]! < 0.5) mirrorSample(mirrored, i, size, width);
    }
    return mirrored;
  };
}

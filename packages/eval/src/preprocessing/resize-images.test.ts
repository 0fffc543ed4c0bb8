import { ConfigError } from '@flowmap/core';
import { hostTensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import goldens from '../__fixtures__/resized.json' with { type: 'json' };
import { FeatureError } from '../errors.js';
import { quantize, resizeImages, type ResizeConvention } from './resize-images.js';

/** 8-bit noise by Park and Miller's generator, as `tools/reference/preprocessing.py` makes it. */
function noise(height: number, width: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: height * width }, () => (state = (state * 16807) % 2147483647) >> 23);
}

/** One grey image with these pixels. */
const imageOf = (pixels: Uint8Array, height: number, width: number) =>
  hostTensor(
    [1, 1, height, width],
    Float32Array.from(pixels, (p) => p / 127.5 - 1),
  );

describe('resizing', () => {
  test.each(goldens.cases)('$convention of $height x $width to $size', (golden) => {
    const { height, width, size } = golden;
    const image = imageOf(noise(height, width, height + width), height, width);
    const { shape, data } = resizeImages(image, size, golden.convention as ResizeConvention);
    expect(shape).toEqual([1, 3, size, size]);
    const plane = (data as Float32Array).subarray(size ** 2, 2 * size ** 2);
    // Pillow's fixed point is reproduced to the bit; the others compute in float32, or round positions to it: 1e-4 of
    // 255.
    const tolerance = golden.convention === 'pillow-bicubic' ? 0 : 0.02;
    const every = Math.floor(size ** 2 / 64);
    golden.pixels.forEach((p, i) => expect(Math.abs(plane[i * every]! - p)).toBeLessThanOrEqual(tolerance));
    const sum = plane.reduce((total, p) => total + p, 0);
    const weighted = plane.reduce((total, p, i) => total + p * (i % 251), 0);
    const each = golden.convention === 'pillow-bicubic' ? 0 : 1e-4;
    expect(Math.abs(sum - golden.sum)).toBeLessThanOrEqual(each * size ** 2);
    expect(Math.abs(weighted - golden.weighted)).toBeLessThanOrEqual(each * 125 * size ** 2);
  });

  test('gives 8-bit pixels back, and clips what is beyond black and white', () => {
    const pixels = Uint8Array.from({ length: 256 }, (_, p) => p);
    expect(quantize(imageOf(pixels, 16, 16).data)).toEqual(pixels);
    expect(quantize([-1.5, 1.5, 1 - 1e-3])).toEqual(Uint8Array.of(0, 255, 255));
  });

  test('keeps an image that has the size already, and planes apart', () => {
    const pixels = noise(6, 6, 3);
    const planes = Float32Array.from([...pixels, ...pixels.map((p) => 255 - p), ...pixels], (p) => p / 127.5 - 1);
    const { data } = resizeImages(hostTensor([1, 3, 6, 6], planes), 6, 'pillow-bicubic');
    expect([...data]).toEqual([...pixels, ...pixels.map((p) => 255 - p), ...pixels]);
  });

  test('refuses what are not images, and a NaN by its image', () => {
    expect(() => resizeImages(hostTensor([1, 2, 4, 4], new Float32Array(32)), 8, 'bilinear')).toThrow(FeatureError);
    expect(() => resizeImages(hostTensor([1, 1, 2, 2], new Float32Array(4)), 0, 'bilinear')).toThrow(ConfigError);
    const broken = hostTensor([2, 1, 2, 2], [0, 0, 0, 0, 0, NaN, 0, 0]);
    expect(() => resizeImages(broken, 8, 'bilinear')).toThrow(expect.objectContaining({ sample: 1 }));
  });
});

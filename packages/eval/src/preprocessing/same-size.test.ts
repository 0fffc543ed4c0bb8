import { hostTensor } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { bicubicTaps, bilinearTaps, inFixedPoint, resizeBytes, resizeFloats } from './resample.js';
import { quantize, resizeImages } from './resize-images.js';

test('images of the wanted size are only quantised, which resizing comes down to', () => {
  const images = hostTensor(
    [1, 3, 9, 9],
    Float32Array.from({ length: 243 }, (_, i) => Math.sin(i * i)),
  );
  const pixels = quantize(images.data);
  const plane = pixels.subarray(0, 81);
  const all = { whole: 9, first: 0, count: 9 };
  const taps = bicubicTaps(9, all);
  expect(resizeBytes(plane, 9, inFixedPoint(taps), inFixedPoint(taps))).toEqual(plane);
  for (const each of [taps, bilinearTaps(9, all, 'corner'), bilinearTaps(9, all, 'half-pixel')]) {
    expect([...resizeFloats(Float32Array.from(plane), 9, each, each)]).toEqual([...plane]);
  }
  for (const convention of ['tf1-bilinear', 'bilinear', 'pillow-bicubic-float', 'pillow-bicubic'] as const) {
    expect([...resizeImages(images, 9, convention).data]).toEqual([...pixels]);
  }
});

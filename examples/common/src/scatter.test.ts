import { hostTensor } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { drawPoints } from './scatter.js';

test('points are dark where they lie, with the second coordinate upwards', () => {
  const image = drawPoints(hostTensor([4, 2], [1.2, 1.2, -1.2, 0, -1.2, 0, 9, 9]));
  expect(image).toHaveLength(3 * 480 * 480);
  const red = (x: number, y: number): number => image[y * 480 + x]!;
  // 1.2 is three quarters of the way from -2.4 to 2.4.
  expect(red(360, 120)).toBeLessThan(0.2);
  expect(red(360, 360)).toBe(1);
  expect(red(120, 240)).toBeLessThan(red(360, 120)); // two points on top of each other
  // Two discs, each at most 4.6 pixels across, in three colours; the point outside leaves no mark.
  expect(image.filter((value) => value < 1).length).toBeLessThan(2 * 3 * 5 ** 2);
});

test('a smaller picture shows the same places', () => {
  const image = drawPoints(hostTensor([1, 2], [1.2, -1.2]), { side: 48, radius: 0.6 });
  expect(image).toHaveLength(3 * 48 * 48);
  const dark = Array.from(image.subarray(0, 48 * 48)).flatMap((light, i) => (light < 1 ? [i] : []));
  // The point lies where four pixels meet.
  expect(dark).toEqual([35 * 48 + 35, 35 * 48 + 36, 36 * 48 + 35, 36 * 48 + 36]);
});

import { hostTensor } from '@flowmap/tensor';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { scatter } from './scatter.js';

test('points are dark where they lie, with the second coordinate upwards', async () => {
  const png = await scatter(hostTensor([4, 2], [1.2, 1.2, -1.2, 0, -1.2, 0, 9, 9]));
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([480, 480]);
  const red = (x: number, y: number): number => data[info.channels * (y * 480 + x)]!;
  // The picture shows -2.4 to 2.4, so 1.2 is three quarters of the way.
  expect(red(360, 120)).toBeLessThan(160);
  expect(red(360, 360)).toBe(255);
  expect(red(120, 240)).toBeLessThan(red(360, 120)); // two points on one another
  expect(data.filter((value) => value < 255).length).toBeLessThan(3 * 60); // the point outside leaves no mark
});

import { hostTensor } from '@flowmap/tensor';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { evaluationLabels } from './evaluate.js';
import { arrange, firstSamples, imageGrids } from './presentation.js';

const columns = (first: number, step: number): number[] => Array.from({ length: 12 }, (_, i) => first + step * i);

describe('the arrangement of images', () => {
  test('is a row for each class, in order', () => {
    expect(arrange(evaluationLabels(256, 3), 3).grid).toEqual([...columns(0, 3), ...columns(1, 3), ...columns(2, 3)]);
  });

  test('is the rows that are asked for, no sample twice', () => {
    const { grid } = arrange(evaluationLabels(256, 2), 2, [0, 0, 1]);
    expect(grid).toEqual([...columns(0, 2), ...columns(24, 2), ...columns(1, 2)]);
  });

  test.each([0, 100])('with %i classes is samples as they come', (classes) => {
    expect(arrange(evaluationLabels(256, classes), classes).grid).toEqual([...Array(120).keys()]);
  });

  test('has an image of each row in the strip', () => {
    const { strip } = arrange(evaluationLabels(256, 9), 9, [0, ...Array(9).keys()]);
    expect(strip.map((sample) => sample % 9)).toEqual([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(strip).size).toBe(12);
  });
});

test('pictures are enlarged without smoothing, a strip is not enlarged', async () => {
  // Images of one colour, of which sample i has the grey i.
  const side = 24;
  const size = 3 * side ** 2;
  const samples = hostTensor(
    [256, 3, side, side],
    Float32Array.from({ length: 256 * size }, (_, i) => Math.floor(i / size) / 127.5 - 1),
  );
  const grids = imageGrids(evaluationLabels(256, 2), 2);
  for (const [png, scale, gap, rows] of [
    [await grids.picture(samples), 4, 8, 2],
    [await grids.strip!(samples), 1, 2, 1],
  ] as const) {
    const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const pitch = scale * side + gap;
    expect([info.width, info.height]).toEqual([12 * pitch + gap, rows * pitch + gap]);
    const greyAt = (x: number, y: number): number => data[info.channels * (y * info.width + x)]!;
    expect(greyAt(0, 0)).toBe(255);
    expect(greyAt(gap, gap)).toBe(0);
    expect(greyAt(gap + scale * side - 1, gap + scale * side - 1)).toBe(0);
    // The second image of the first row: the next sample of class 0, or in the strip the row's second image.
    expect(greyAt(gap + pitch, gap)).toBe(2);
  }
});

test('the first samples', () => {
  expect(firstSamples(hostTensor([3, 2], [1, 2, 3, 4, 5, 6]), 2)).toEqual(hostTensor([2, 2], [1, 2, 3, 4]));
});

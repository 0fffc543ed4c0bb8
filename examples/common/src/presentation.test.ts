import { hostTensor } from '@flowmap/tensor';
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

test('pictures are enlarged to about 96 pixels an image, a strip is not', async () => {
  const samples = hostTensor([256, 3, 20, 20], new Float32Array(256 * 1200));
  const grids = imageGrids(evaluationLabels(256, 2), 2);
  // Enlarged 5 times with gaps of 10, two rows of 12; then at original size with gaps of 2, one row of 12.
  expect(sizeOfPng(await grids.picture(samples))).toEqual([12 * 110 + 10, 2 * 110 + 10]);
  expect(sizeOfPng(await grids.strip!(samples))).toEqual([12 * 22 + 2, 22 + 2]);
});

/** Width and height, the first two numbers of a PNG's header. */
function sizeOfPng(png: Uint8Array): [number, number] {
  const header = Buffer.from(png).subarray(16, 24);
  return [header.readUInt32BE(0), header.readUInt32BE(4)];
}

test('the first samples', () => {
  expect(firstSamples(hostTensor([3, 2], [1, 2, 3, 4, 5, 6]), 2)).toEqual(hostTensor([2, 2], [1, 2, 3, 4]));
});

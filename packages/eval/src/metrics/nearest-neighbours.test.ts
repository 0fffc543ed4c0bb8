import { hostTensor } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { FeatureError, TooFewSamplesError } from '../errors.js';
import { nearestNeighbours } from './nearest-neighbours.js';

const rows = (...values: readonly number[]) => hostTensor([values.length / 2, 2], Float32Array.from(values));

test('neighbours are found across batches, with their places, distances and values', async () => {
  const { neighbours, samples } = await nearestNeighbours(rows(0, 0, 5, 5, 9, 1), [
    rows(1, 1, 5, 5),
    rows(-0.5, 0),
    rows(9, 2, 5, 5),
  ]);
  expect(neighbours.map(({ index }) => index)).toEqual([2, 1, 3]);
  expect(neighbours.map(({ distance }) => distance)).toEqual([Math.sqrt(0.125), 0, Math.sqrt(0.5)]);
  expect([...samples.data]).toEqual([-0.5, 0, 5, 5, 9, 2]);
});

test('bad data is refused by name', async () => {
  await expect(nearestNeighbours(rows(0, 0), [])).rejects.toThrow(TooFewSamplesError);
  await expect(nearestNeighbours(rows(0, 0), [hostTensor([1, 3], new Float32Array(3))])).rejects.toThrow(FeatureError);
  await expect(nearestNeighbours(rows(0, 0), [rows(NaN, 0)])).rejects.toThrow(FeatureError);
});

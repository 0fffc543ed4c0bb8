import { hostTensor } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { concatHostTensors, firstRows, momentsOf, rmsDifference } from './host-tensors.js';

const [a, b] = [hostTensor([1, 2], [1, 2]), hostTensor([2, 2], [3, 4, 5, 6])];

test('tensors are joined and cut by rows', () => {
  const all = concatHostTensors([a, b]);
  expect(all).toEqual(hostTensor([3, 2], [1, 2, 3, 4, 5, 6]));
  expect(firstRows(all, 1)).toEqual(a);
});

test('differences are measured where the mask is 1', () => {
  const [x, y] = [hostTensor([1, 2], [0, 3]), hostTensor([1, 2], [4, 6])];
  expect(rmsDifference(x, y)).toBeCloseTo(Math.sqrt((16 + 9) / 2), 12);
  expect(rmsDifference(x, y, hostTensor([1, 2], [0, 1]))).toBe(3);
});

test('moments are those of the numbers', () => {
  expect(momentsOf([1, 3, 5])).toEqual({ mean: 3, std: Math.sqrt(8 / 3) });
});

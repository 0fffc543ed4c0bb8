import { mlp } from '@flowmap/core';
import { sizeOf } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { forwardFlops, median } from './speed.js';

test('an evaluation of an MLP multiplies and adds once per weight and sample', () => {
  const network = mlp({ shape: [2], classes: 3, interval: true, width: 16, depth: 2 });
  const matrices = Object.values(network.parameters).filter(({ shape }) => shape.length === 2);
  const weights = matrices.reduce((total, { shape }) => total + sizeOf(shape), 0);
  expect(forwardFlops(network, 5)).toBe(2 * 5 * weights);
});

test('the median is the middle, or the mean of both middles', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

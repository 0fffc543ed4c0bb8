import { ConfigError } from '@flowmap/core';
import { describeDataset } from '@flowmap/core/testing';
import { expect, test } from 'vitest';
import { imageDataset } from './image-dataset.js';
import { checkerboard } from './toys/checkerboard.js';
import { eightGaussians } from './toys/eight-gaussians.js';
import { subset, withFlips, withoutClasses } from './views.js';

// Three images of [3, 2, 4]; every pixel differs from its mirror image.
const pixels = Uint8Array.from({ length: 72 }, (_, i) => i);
const data = imageDataset({ name: 'ramp', pixels, shape: [3, 2, 4], labels: [0, 1, 2], classes: ['a', 'b', 'c'] });

const bytes = (x: Float32Array): number[] => Array.from(x, (value) => Math.round((value + 1) * 127.5));

describeDataset('subset', () => subset(data, [2, 0, 2]));
describeDataset('subset of a distribution', () => subset(checkerboard(), [7, 2 ** 33, 8]));
describeDataset('withFlips', () => withFlips(data));
describeDataset('withoutClasses', () => withoutClasses(data));
describeDataset('withoutClasses of a distribution', () => withoutClasses(eightGaussians()));

test('subset renumbers the chosen samples', async () => {
  const chosen = subset(data, [2, 0, 2]);
  expect(chosen).toMatchObject({ length: 3, shape: [3, 2, 4], classes: ['a', 'b', 'c'] });
  expect(await chosen.batch([0, 1])).toEqual(await data.batch([2, 0]));
  await expect(chosen.batch([3])).rejects.toThrow(/wanted an integer from 0 to 2, for 3 samples, got 3/);
  expect(() => subset(data, [3])).toThrow(ConfigError);
  expect(() => subset(data, [])).toThrow(ConfigError);
});

test('subset of a distribution is a finite dataset of chosen draws', async () => {
  const board = checkerboard();
  const chosen = subset(board, [7, 8]);
  expect(chosen.length).toBe(2);
  expect(await chosen.batch([1])).toEqual(await board.batch([8]));
});

test('withoutClasses keeps the samples and other conditions, and drops the labels', async () => {
  const plain = withoutClasses(data);
  const [labelled, unlabelled] = [await data.batch([1, 2]), await plain.batch([1, 2])];
  expect(plain).toMatchObject({ classes: [], conditions: {} });
  expect(unlabelled.x).toEqual(labelled.x);
  expect(unlabelled.conditions).toEqual({});
  const size = Float32Array.of(0.5);
  const sized = {
    ...data,
    conditions: { ...data.conditions, size: { shape: [], dtype: 'float32' as const } },
    batch: async () => Promise.resolve({ x: size, conditions: { label: Int32Array.of(2), size } }),
  };
  expect(withoutClasses(sized).conditions).toEqual({ size: { shape: [], dtype: 'float32' } });
  expect((await withoutClasses(sized).batch([2])).conditions).toEqual({ size });
});

test('withFlips appends the mirror images, every row of every channel reversed', async () => {
  const flipped = withFlips(data);
  expect(flipped.length).toBe(6);
  const { x, conditions } = await flipped.batch([1, 4]);
  const [original, mirrored] = [bytes(x.subarray(0, 24)), bytes(x.subarray(24))];
  expect(original).toEqual(bytes((await data.batch([1])).x));
  expect(mirrored).toEqual([
    27, 26, 25, 24, 31, 30, 29, 28, 35, 34, 33, 32, 39, 38, 37, 36, 43, 42, 41, 40, 47, 46, 45, 44,
  ]);
  expect(conditions).toEqual({ label: Int32Array.of(1, 1) });
  await expect(flipped.batch([6])).rejects.toThrow(ConfigError);
});

test('withFlips wants images, finitely many', () => {
  expect(() => withFlips(checkerboard())).toThrow(/withFlips\.shape: wanted \[channels, height, width\].*got \[2\]/);
  expect(() => withFlips({ ...data, length: Infinity })).toThrow(/withFlips\.dataset: wanted of finite length/);
});

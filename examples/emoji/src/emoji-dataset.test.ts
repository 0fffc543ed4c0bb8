import { beforeAll, expect, test } from 'vitest';
import type { Dataset } from '@flowmap/core';
import { describeDataset } from '@flowmap/core/testing';
import { CATEGORIES, emojiDataset } from './emoji-dataset.js';

let data: Dataset;
beforeAll(async () => {
  data = await emojiDataset(24);
});

// Created once: decoding the images takes seconds.
describeDataset('emoji', () => data);

test('there are 1,906 base emoji in nine categories', async () => {
  expect(data).toMatchObject({ name: 'emoji', length: 1906, shape: [3, 24, 24], classes: CATEGORIES });
  const { conditions } = await data.batch(Array.from({ length: data.length }, (_, i) => i));
  const labels = Array.from(conditions['label']!);
  const counts = CATEGORIES.map((_, label) => labels.filter((other) => other === label).length);
  expect(counts).toEqual([169, 386, 159, 131, 218, 85, 264, 224, 270]);
});

test('images are upright, in colour and on white', async () => {
  const { x, conditions } = await data.batch(Array.from({ length: data.length }, (_, i) => i));
  const labels = Array.from(conditions['label']!);
  const at = (image: number, channel: number, row: number, column: number): number =>
    x[((image * 3 + channel) * 24 + row) * 24 + column]!;
  const smileys = [...labels.keys()].filter((i) => labels[i] === 0);
  const mean = (channel: number, row: number, column: number): number =>
    smileys.reduce((sum, i) => sum + at(i, channel, row, column), 0) / smileys.length;
  // Corners of round faces are white; their middle is yellow: red above green above blue.
  for (const channel of [0, 1, 2]) expect(mean(channel, 0, 0)).toBeGreaterThan(0.9);
  expect(mean(0, 12, 12)).toBeGreaterThan(mean(1, 12, 12) + 0.1);
  expect(mean(1, 12, 12)).toBeGreaterThan(mean(2, 12, 12) + 0.3);
  expect(x.reduce((least, value) => Math.min(least, value))).toBeGreaterThanOrEqual(-1);
  expect(x.reduce((most, value) => Math.max(most, value))).toBe(1);
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '@flowmap/core';
import { normals } from '@flowmap/tensor';
import { afterAll, expect, test } from 'vitest';
import { classFileOf, classSums, meanDistance, readClassMoments, writeClassMoments } from './class-distances.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-classes-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const WIDTH = 8;

/**
 * Moments of two classes of 30 normal samples, the second shifted in all directions, and of a class with few
 * samples.
 */
function drawn(seed: number, shift = 0): ReturnType<ReturnType<typeof classSums>['moments']> {
  const sums = classSums(3, WIDTH);
  const rows = normals({ seed, purpose: 'features' }, 65 * WIDTH);
  const labels = Array.from({ length: 65 }, (_, i) => (i < 60 ? i % 2 : 2));
  for (let i = 0; i < rows.length; i++) if (labels[Math.floor(i / WIDTH)] === 1) rows[i]! += shift;
  sums.add(rows.subarray(0, 31 * WIDTH), labels.slice(0, 31));
  sums.add(rows.subarray(31 * WIDTH), labels.slice(31));
  return sums.moments();
}

test('the distance of mean features has no bias, and is not measured of few samples', () => {
  const pairs = Array.from({ length: 400 }, (_, i) => [drawn(2 * i), drawn(2 * i + 1, 0.5)] as const);
  const mean = (label: number): number =>
    pairs.reduce((sum, [a, b]) => sum + meanDistance(a[label]!, b[label]!), 0) / pairs.length;
  // With 30 and 30 samples in 8 directions, |m1 - m2|^2 is 8 / 15 = 0.53 on average; the error of the mean is about
  // 0.013 and 0.03.
  expect(Math.abs(mean(0))).toBeLessThan(0.05);
  expect(Math.abs(mean(1) - 8 * 0.5 ** 2)).toBeLessThan(0.12);
  expect(meanDistance(pairs[0]![0][2]!, pairs[0]![1][0]!)).toBeNaN();
});

test('moments of classes are kept beside the statistics, and those of others refused', async () => {
  const file = classFileOf(join(scratch, 'statistics.safetensors'));
  const source = { extractor: 'net', weights: 'a', resize: 'none' };
  const classes = ['a', 'b', 'c'];
  expect(await readClassMoments(file, classes, source)).toBeUndefined();
  await writeClassMoments(file, { classes, moments: drawn(0), source });
  const kept = (await readClassMoments(file, classes, source))!;
  expect(kept.map(({ count }) => count)).toEqual([30, 30, 5]);
  expect(meanDistance(kept[0]!, kept[1]!)).toBeCloseTo(meanDistance(drawn(0)[0]!, drawn(0)[1]!), 5); // of float32
  await expect(readClassMoments(file, ['b', 'a', 'c'], source)).rejects.toThrow(CheckpointError);
  await expect(readClassMoments(file, classes, { ...source, weights: 'b' })).rejects.toThrow('remove it');
});

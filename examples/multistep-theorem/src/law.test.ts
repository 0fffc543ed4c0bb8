import { gaussianFlowMap, mixtureFlowMap, trigonometricPath, uniformGrid } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import { compiledMap, leadingTooFar, onPath, tooFast } from './exact-map.js';
import { spreadAt } from './factors.js';
import { consistencySpread, flowMapSpread } from './gaussian.js';
import { consistencyLaw, flowMapLaw, lawDistance, noised, noiseLaw, rootMeanSquare, type LineMap } from './law.js';

const std = 0.5;
const COUNT = 401;
const noise = noiseLaw(COUNT);
/** Quantiles are linear between points: an eighth of the square of their spacing in deviations, 1.3e-4. */
const LINEAR = (13 / (COUNT - 1)) ** 2 / 8;
const data = { ...noise, points: noise.points.map((z) => std * z) };
const exact =
  (path: 'linear' | 'trigonometric'): LineMap =>
  (points, t, s) =>
    Promise.resolve(points.map((x) => (x * spreadAt(path, std, s)) / spreadAt(path, std, t)));

test('the moments of laws are those of what they stand for', () => {
  const mean = (values: Float64Array): number => values.reduce((sum, value, i) => sum + noise.weights[i]! * value, 0);
  expect(noise.weights.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  // Beyond 6.5 deviations lies 1e-10 of the mass, and less than 1e-8 of the fourth moment.
  expect(mean(noise.points.map((z) => z ** 2))).toBeCloseTo(1, 8);
  expect(mean(noise.points.map((z) => z ** 4))).toBeCloseTo(3, 6);
  const both = noised(data, { alpha: 0.6, sigma: 0.3 });
  expect(rootMeanSquare(both, both.points)).toBeCloseTo(Math.hypot(0.6 * std, 0.3), 8);
});

test('distances of laws: shifts, scales, and points in another order', () => {
  const shifted = { ...data, points: data.points.map((x) => x + 0.3) };
  expect(lawDistance(data, shifted)).toBeCloseTo(0.3, 12);
  expect(Math.abs(lawDistance(noise, data) - (1 - std))).toBeLessThan(LINEAR);
  const mirrored = { ...data, points: data.points.map((x) => -x) };
  expect(lawDistance(data, mirrored)).toBeLessThan(1e-9);
  const other = noised(data, { alpha: 1, sigma: 0.5 });
  // Its points are twice as far apart, and its deviation is larger by the root of 2.
  expect(Math.abs(lawDistance(data, other) - (Math.hypot(std, 0.5) - std))).toBeLessThan(2 * LINEAR);
});

test.each(['linear', 'trigonometric'] as const)(
  'they follow the closed forms of normal data on the %s path',
  async (path) => {
    const map = exact(path);
    for (const steps of [1, 2, 4, 8]) {
      const grid = Array.from(uniformGrid(steps));
      const [exactLaw, far, fast] = [
        await consistencyLaw(noise, map, grid, path),
        await consistencyLaw(noise, leadingTooFar(map, 0.05), grid, path),
        await flowMapLaw(noise, tooFast(map, 0.05), grid),
      ];
      expect(lawDistance(exactLaw, data)).toBeLessThan(LINEAR);
      const wanted = consistencySpread({ std, path }, grid, () => 0.05) - std;
      expect(Math.abs(lawDistance(far, data) - wanted)).toBeLessThan(LINEAR);
      const spread = flowMapSpread({ std, path }, grid, 0.05);
      expect(Math.abs(lawDistance(fast, data) - Math.abs(spread - std))).toBeLessThan(LINEAR);
    }
  },
);

test('a map on another path is that of the linear path, scaled', async () => {
  const runtime = referenceRuntime();
  const points = Float64Array.from([-1.2, 0.1, 0.8]);
  const law = { mean: 0.3, std };
  const moved = await compiledMap(runtime, onPath(gaussianFlowMap(law), 'trigonometric'), 3);
  const own = await compiledMap(runtime, gaussianFlowMap(law, trigonometricPath), 3);
  const [got, wanted] = [await moved.map(points, 0.9, 0.2), await own.map(points, 0.9, 0.2)];
  got.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 12));
  const line = onPath(gaussianFlowMap(law), 'linear');
  expect(onPath(line, 'linear')).toBe(line);
});

test('the exact consistency model of a mixture keeps its law, and an error adds up', async () => {
  const count = 161;
  const mixture = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };
  const start = noiseLaw(count);
  const { map } = await compiledMap(referenceRuntime(), mixtureFlowMap(mixture), count);
  const law = { ...start, points: await map(start.points, 1, 0) };
  const grid = [1, 0.5, 0];
  // Few points lie in the gap between the two, over which quantiles are linear.
  expect(lawDistance(await consistencyLaw(start, map, grid), law)).toBeLessThan(0.02);
  const far = await consistencyLaw(start, leadingTooFar(map, 0.05), grid);
  const once = 0.05 * rootMeanSquare(start, law.points);
  expect(lawDistance(far, law)).toBeGreaterThan(1.2 * once);
});

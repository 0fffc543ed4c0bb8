import { ConfigError, type Dataset } from '@flowmap/core';
import { describeDataset } from '@flowmap/core/testing';
import { describe, expect, test } from 'vitest';
import { checkerboard } from './checkerboard.js';
import { eightGaussians } from './eight-gaussians.js';
import { gaussianMixture } from './gaussian-mixture.js';
import { spirals } from './spirals.js';
import { twoMoons } from './two-moons.js';

const COUNT = 20_000;
const firstDraws = Array.from({ length: COUNT }, (_, i) => i);

/** Means of x, y, x², y², xy over the first draws. */
async function moments(data: Dataset): Promise<[number, number, number, number, number]> {
  const { x } = await data.batch(firstDraws);
  const sums: [number, number, number, number, number] = [0, 0, 0, 0, 0];
  for (let i = 0; i < x.length; i += 2) {
    const [a, b] = [x[i]!, x[i + 1]!];
    [a, b, a * a, b * b, a * b].forEach((value, k) => (sums[k]! += value / COUNT));
  }
  return sums;
}

/** `∫ f dx dy` over `[-half, half]²` by the midpoint rule. */
function integrate(half: number, cells: number, f: (point: [number, number]) => number): number {
  const side = (2 * half) / cells;
  const at = (i: number): number => (i + 0.5) * side - half;
  let sum = 0;
  for (let i = 0; i < cells; i++) for (let j = 0; j < cells; j++) sum += f([at(i), at(j)]) * side * side;
  return sum;
}

// The means of 20,000 draws of variables with fourth moments below 4 have standard errors below 0.015.
const TOLERANCE = 0.06;

const toys: [string, (seed: number) => Dataset][] = [
  ['checkerboard', (seed) => checkerboard({ seed })],
  ['eightGaussians', (seed) => eightGaussians({ seed })],
  ['twoMoons', (seed) => twoMoons({ seed })],
  ['spirals', (seed) => spirals({ seed })],
  ['gaussianMixture', (seed) => gaussianMixture({ seed, weights: [1, 2], means: [[0], [3]], stds: [1, 0.5] })],
];

for (const [name, make] of toys) describeDataset(name, () => make(3));

describe.each(toys)('%s', (_name, make) => {
  test('other seeds and other indices give other draws', async () => {
    const { x } = await make(0).batch([0, 1, 2, 2 ** 32, 2 ** 32 + 1]);
    const other = await make(1).batch([0]);
    const { length } = other.x;
    const draws = Array.from({ length: 5 }, (_, i) => x.slice(i * length, (i + 1) * length).join());
    expect(new Set([...draws, other.x.join()]).size).toBe(6);
  });

  test('is an endless dataset with labels below the number of classes', async () => {
    const data = make(3);
    const { x, conditions } = await data.batch(firstDraws);
    expect(data.length).toBe(Infinity);
    expect(x.length).toBe(COUNT * data.shape[0]!);
    const { length } = data.classes;
    const seen = Object.values(conditions).map((labels) => [...new Set(labels)].sort((a, b) => a - b));
    expect(seen).toEqual(length > 0 ? [data.classes.map((_, k) => k)] : []);
    expect(data.conditions).toEqual(length > 0 ? { label: { shape: [], dtype: 'int32', categories: length } } : {});
  });

  test('refuses indices and seeds that are not natural numbers', async () => {
    await expect(make(0).batch([0, -1])).rejects.toThrow(/indices\[1\].*integer of at least 0, got -1/);
    expect(() => make(-1)).toThrow(/seed.*got -1/);
  });
});

test('checkerboard: mean 0, variance 1, correlation 3/16, in draws and in the density', async () => {
  const data = checkerboard();
  const expected = [0, 0, 1, 1, 3 / 16];
  (await moments(data)).forEach((value, k) => expect(Math.abs(value - expected[k]!)).toBeLessThan(TOLERANCE));

  // The midpoints of 256 cells over twice the board never fall on an edge of the board, whose squares hold 32 each;
  // the second moment of the midpoint rule is short by side²/12 = 6e-5.
  const p = (point: [number, number]): number => Math.exp(data.logDensity(point));
  const half = 2 * Math.sqrt(3);
  expect(integrate(half, 256, p)).toBeCloseTo(1, 10);
  expect(integrate(half, 256, ([x, y]) => x * y * p([x, y]))).toBeCloseTo(3 / 16, 4);
  expect(integrate(half, 256, ([x, y]) => y * y * p([x, y]))).toBeCloseTo(1, 3);
});

test('checkerboard: every draw lies on a dark square, each square equally often', async () => {
  const data = checkerboard();
  const { x } = await data.batch(firstDraws);
  const perSquare = new Map<string, number>();
  const densities = new Set<number>();
  for (let i = 0; i < x.length; i += 2) {
    const point = [x[i]!, x[i + 1]!];
    densities.add(data.logDensity(point));
    const square = point.map((value) => Math.floor((value / Math.sqrt(3) + 1) * 2)).join();
    perSquare.set(square, (perSquare.get(square) ?? 0) + 1);
  }
  // No draw is off the dark squares, where the density would be -Infinity; float32 may move one over an edge, once in
  // 10^7.
  expect([...densities].map((logp) => logp.toFixed(12))).toEqual([(-Math.log(6)).toFixed(12)]);
  // 2500 expected, standard deviation 47
  expect([...perSquare.values()].every((count) => Math.abs(count - 2500) < 250)).toBe(true);
  expect(perSquare.size).toBe(8);
});

test('eightGaussians: mean 0, variance 1, uncorrelated, in draws and in the density', async () => {
  const data = eightGaussians();
  const expected = [0, 0, 1, 1, 0];
  (await moments(data)).forEach((value, k) => expect(Math.abs(value - expected[k]!)).toBeLessThan(TOLERANCE));
  const p = (point: [number, number]): number => Math.exp(data.logDensity(point));
  // The midpoint rule with cells of a seventh of σ is exact to rounding for Gaussians.
  expect(integrate(3, 300, p)).toBeCloseTo(1, 9);
  expect(integrate(3, 300, ([x, y]) => x * x * p([x, y]))).toBeCloseTo(1, 9);
  expect(integrate(3, 300, ([x, y]) => x * y * p([x, y]))).toBeCloseTo(0, 9);
});

test('gaussianMixture: draws follow the density: equal entropy, weights, means and widths', async () => {
  const weights = [1, 3];
  const means = [
    [-1, 0.5],
    [1.5, -0.5],
  ];
  const stds = [0.3, 0.6];
  const data = gaussianMixture({ weights, means, stds, seed: 5 });
  const { x, conditions } = await data.batch(firstDraws);
  const labels = conditions['label']!;

  const entropy = integrate(6, 600, (point) => -Math.exp(data.logDensity(point)) * data.logDensity(point));
  let empirical = 0;
  for (let i = 0; i < COUNT; i++) empirical -= data.logDensity(x.subarray(2 * i, 2 * i + 2)) / COUNT;
  expect(Math.abs(empirical - entropy)).toBeLessThan(TOLERANCE); // ln p has a standard deviation of about 1.1

  for (const k of [0, 1]) {
    const own = firstDraws.filter((i) => labels[i] === k);
    expect(Math.abs(own.length / COUNT - weights[k]! / 4)).toBeLessThan(0.02); // standard error 0.003
    for (const d of [0, 1]) {
      const mean = own.reduce((sum, i) => sum + x[2 * i + d]!, 0) / own.length;
      const variance = own.reduce((sum, i) => sum + (x[2 * i + d]! - mean) ** 2, 0) / own.length;
      expect(Math.abs(mean - means[k]![d]!)).toBeLessThan(0.03); // standard error 0.005
      expect(Math.abs(Math.sqrt(variance) - stds[k]!)).toBeLessThan(0.02); // standard error 0.003
    }
  }
});

test('gaussianMixture: the density of one component is the normal density, far away too', () => {
  const data = gaussianMixture({ weights: [7], means: [[1, 2, 3]], stds: [2] });
  const expected = -1.5 * Math.log(2 * Math.PI * 4) - (100 ** 2 + 2 ** 2 + 3 ** 2) / 8;
  expect(data.logDensity([101, 0, 0])).toBeCloseTo(expected, 9);
});

test('gaussianMixture: classes [] makes it unconditional', async () => {
  const data = gaussianMixture({ weights: [1, 1], means: [[0], [9]], stds: [1, 1], classes: [] });
  const { x, conditions } = await data.batch(firstDraws.slice(0, 100));
  expect(conditions).toEqual({});
  expect(x.some((value) => value > 5) && x.some((value) => value < 4)).toBe(true);
});

test('twoMoons: mean 0, variances averaging 1; without noise on two half circles', async () => {
  for (const noise of [0, 0.05, 0.3]) {
    const [mx, my, mxx, myy] = await moments(twoMoons({ noise }));
    for (const [value, expected] of [
      [mx, 0],
      [my, 0],
      [(mxx + myy) / 2, 1],
    ] as const) {
      expect(Math.abs(value - expected)).toBeLessThan(TOLERANCE);
    }
  }
  const { x, conditions } = await twoMoons({ noise: 0 }).batch(firstDraws);
  const labels = conditions['label']!;
  // var x + var y of the unscaled moons: 3/4 + (5/4 − 2/π)/2 − 1/16
  const scale = 1 / Math.sqrt((0.75 + (1.25 - 2 / Math.PI) / 2 - 1 / 16) / 2);
  let [offCircle, lowest] = [0, Infinity];
  for (let i = 0; i < COUNT; i++) {
    const [a, b] = [x[2 * i]! / scale + 0.5, x[2 * i + 1]! / scale + 0.25];
    const [dx, dy] = labels[i] === 0 ? [a, b] : [a - 1, 0.5 - b];
    offCircle = Math.max(offCircle, Math.abs(Math.hypot(dx, dy) - 1));
    lowest = Math.min(lowest, dy);
  }
  expect(offCircle).toBeLessThan(1e-6); // float32
  expect(lowest).toBeGreaterThan(-1e-6);
});

test('spirals: mean 0, variances averaging 1; without noise on the arms', async () => {
  for (const options of [{}, { arms: 3, turns: 1, noise: 0.3 }]) {
    const [mx, my, mxx, myy] = await moments(spirals(options));
    expect(Math.abs(mx)).toBeLessThan(TOLERANCE);
    expect(Math.abs(my)).toBeLessThan(TOLERANCE);
    expect(Math.abs((mxx + myy) / 2 - 1)).toBeLessThan(TOLERANCE);
  }
  const { x, conditions } = await spirals({ noise: 0, arms: 3, turns: 2 }).batch(firstDraws);
  const labels = conditions['label']!;
  let offArm = 0;
  for (let i = 0; i < COUNT; i++) {
    const radius = Math.hypot(x[2 * i]!, x[2 * i + 1]!);
    const angle = 2 * Math.PI * (2 * (radius / 2) + labels[i]! / 3);
    offArm = Math.max(offArm, Math.abs(radius * Math.cos(angle) - x[2 * i]!));
  }
  expect(offArm).toBeLessThan(1e-5); // float32, and the angle is up to 15
});

test('options out of range are refused by name', () => {
  const one = { weights: [1], means: [[0, 0]], stds: [1] };
  const cases: [() => unknown, RegExp][] = [
    [() => twoMoons({ noise: -1 }), /twoMoons\.noise: wanted a number of at least 0, got -1/],
    [() => spirals({ noise: 1 }), /spirals\.noise: wanted from 0 to below 1, got 1/],
    [() => spirals({ turns: 0 }), /spirals\.turns/],
    [() => spirals({ arms: 1 }), /spirals\.arms: wanted an integer of at least 2, got 1/],
    [() => gaussianMixture({ ...one, weights: [0] }), /gaussianMixture\.weights: wanted 1 positive numbers.*got \[0\]/],
    [() => gaussianMixture({ ...one, stds: [1, 1] }), /gaussianMixture\.stds/],
    [() => gaussianMixture({ ...one, means: [] }), /gaussianMixture\.means/],
    [() => gaussianMixture({ weights: [1, 1], means: [[0, 0], [0]], stds: [1, 1] }), /gaussianMixture\.means/],
    [() => gaussianMixture({ ...one, classes: ['a', 'b'] }), /gaussianMixture\.classes/],
    [() => gaussianMixture(one).logDensity([0]), /point: wanted 2 numbers, got 1 numbers/],
    [() => checkerboard().logDensity([0, 0, 0]), /point: wanted 2 numbers, got 3 numbers/],
  ];
  for (const [call, message] of cases) {
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(message);
  }
});

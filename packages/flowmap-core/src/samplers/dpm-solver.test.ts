import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor } from '@flowmap/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Model } from '../models/model.js';
import { perSample, type PathName } from '../path.js';
import type { VelocityField } from '../plugins.js';
import { factorsAt, fieldModel, gaussianModels, logRatioGrid } from './__fixtures__/exact-models.js';
import { compileSampler } from './compile-sampler.js';
import { dpmSolver } from './dpm-solver.js';
import { euler } from './euler.js';
import { flowMapSampler } from './flow-map-sampler.js';
import { uniformGrid } from './grid.js';
import type { Sampler } from './sampler.js';

const runtime = referenceRuntime();
const points = [-1.6, -0.7, 0.1, 0.9, 2];
const noise = hostTensor([points.length, 1], Float64Array.from(points));
const law = { mean: 0.7, std: 0.5 };

type Along = (times: ArrayLike<number>) => Promise<number[]>;
async function along(model: Model, sampler: Sampler): Promise<Along> {
  const compiled = await compileSampler(runtime, model, { sampler, batchSize: points.length });
  return async (times) => Array.from((await compiled.sample({ noise, times })).data);
}

const largest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

/** The mean data of normal data given a point. */
function dataAt(path: PathName, x: number, t: number): number {
  const { alpha, sigma } = factorsAt(path, t);
  const gain = (alpha * law.std ** 2) / ((alpha * law.std) ** 2 + sigma ** 2);
  return law.mean + gain * (x - alpha * law.mean);
}

/** The paper's algorithm 2, in its own terms. */
function paper(path: PathName, start: number, times: ArrayLike<number>): number {
  const lambda = (t: number): number => Math.log(factorsAt(path, t).alpha / factorsAt(path, t).sigma);
  let x = start;
  let before: { data: number; h: number } | undefined;
  for (let i = 0; i + 1 < times.length; i++) {
    const [t, s] = [times[i]!, times[i + 1]!];
    const [h, data] = [lambda(s) - lambda(t), dataAt(path, x, t)];
    const r = before && before.h / h;
    const D = before && r ? (1 + 1 / (2 * r)) * data - before.data / (2 * r) : data;
    x = (factorsAt(path, s).sigma / factorsAt(path, t).sigma) * x - factorsAt(path, s).alpha * Math.expm1(-h) * D;
    before = { data, h };
  }
  return x;
}

describe.each(['linear', 'trigonometric'] as const)('DPM-Solver++(2M) on the %s path', (path) => {
  const { map, field } = gaussianModels(law, path);

  test('is the algorithm of the paper', async () => {
    const times = [0.95, 0.8, 0.6, 0.55, 0.2, 0.05];
    const wanted = points.map((x) => paper(path, x, times));
    expect(largest(await (await along(field, dpmSolver()))(times), wanted)).toBeLessThan(1e-12);
    // Steps of no length change nothing that later steps use.
    const padded = [0.95, 0.95, 0.8, 0.6, 0.6, 0.6, 0.55, 0.2, 0.05, 0.05];
    expect(largest(await (await along(field, dpmSolver()))(padded), wanted)).toBeLessThan(1e-12);
  });

  test('converges with order 2', async () => {
    const [solve, leap] = [await along(field, dpmSolver()), await along(map, flowMapSampler())];
    const exact = await leap([0.98, 0.02]);
    const [coarse, fine] = [
      largest(await solve(logRatioGrid(32)), exact),
      largest(await solve(logRatioGrid(64)), exact),
    ];
    expect(Math.abs(Math.log2(coarse / fine) - 2)).toBeLessThan(0.1);
    expect(fine).toBeLessThan(2e-3);
  });

  test('leads from pure noise to data and back, with an order that the infinite ends lower a little', async () => {
    const [solve, leap] = [await along(field, dpmSolver()), await along(map, flowMapSampler())];
    for (const ends of [
      [1, 0],
      [0, 1],
    ] as const) {
      const exact = await leap(ends);
      const errorOf = async (steps: number) => largest(await solve(uniformGrid(steps, ...ends)), exact);
      const [coarse, fine] = [await errorOf(128), await errorOf(256)];
      // The error falls like ln(N) / N²: a slope of 2 - log2(ln 256 / ln 128) = 1.81, and the next orders.
      expect(Math.log2(coarse / fine)).toBeGreaterThan(1.5);
      expect(fine).toBeLessThan(2e-3);
    }
  });
});

test('data that is a single point is reached exactly on any grid without tiny steps', async () => {
  const point = 0.4;
  const field: VelocityField = { parameters: {}, velocity: (_, { x, t }) => x.sub(point).div(perSample(t, x)) };
  const solve = await along(fieldModel(field), dpmSolver());
  const inner = fc.array(fc.double({ min: 0.01, max: 0.99, noNaN: true }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(inner, async (times) => {
      const grid = [1, ...times.sort((a, b) => b - a), 0.005];
      // After a step that is much shorter than the next, the extrapolation enlarges rounding errors.
      fc.pre(grid.every((time, i) => i === 0 || grid[i - 1]! - time > 5e-3));
      const got = await solve(grid);
      // x_s = x_0 + s (z - x_0)
      const wanted = points.map((z) => point + 0.005 * (z - point));
      expect(largest(got, wanted)).toBeLessThan(1e-12);
    }),
    { numRuns: 20 },
  );
});

test('one step is one of Euler on the linear path', async () => {
  const { field } = gaussianModels(law);
  for (const times of [
    [1, 0.3],
    [0.7, 0],
    [0, 0.6],
  ]) {
    const [ours, theirs] = [await (await along(field, dpmSolver()))(times), await (await along(field, euler()))(times)];
    expect(largest(ours, theirs)).toBeLessThan(1e-12);
  }
});

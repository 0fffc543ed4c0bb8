import {
  consistency,
  defineNetwork,
  flowMapSampler,
  gaussianFlowMap,
  linearPath,
  perSample,
  samplerProgram,
  trigonometricPath,
  uniformGrid,
  type FlowMap,
  type Path,
  type Sampler,
} from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type Tensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { consistencyMean, consistencySpread, flowMapSpread } from './gaussian.js';

const std = 0.5;
const steps = [1, 2, 3, 4, 8, 16, 32, 64, 128];
const grids = steps.map((count) => Array.from(uniformGrid(count)));

// Computed independently in double precision, and printed with five decimals.
test.each<[string, (t: number) => number, readonly number[]]>([
  ['g = 0.05', () => 0.05, [0.025, 0.03035, 0.03914, 0.04738, 0.07694, 0.12959, 0.22806, 0.42944, 0.91184]],
  ['g = -0.05', () => -0.05, [0.025, 0.02965, 0.03735, 0.04439, 0.0676, 0.10249, 0.1519, 0.21624, 0.29048]],
  ['g = 0.01', () => 0.01, [0.005, 0.00601, 0.00768, 0.00923, 0.01461, 0.02355, 0.03848, 0.06371, 0.10745]],
  ['g = 0.05 √t', (t) => 0.05 * Math.sqrt(t), [0.025, 0.02296, 0.02586, 0.0285, 0.03736, 0.05131, 0.07305, 0.10724]],
  ['g = 0.05 t', (t) => 0.05 * t, [0.025, 0.01773, 0.01768, 0.01791, 0.01955, 0.0228, 0.02785, 0.03508, 0.04506]],
  [
    'g = 0.05 (0.1 + 0.9 t)',
    (t) => 0.05 * (0.1 + 0.9 * t),
    [0.025, 0.01899, 0.01981, 0.02082, 0.02508, 0.03266, 0.04501, 0.06475],
  ],
])('a consistency model with %s has the known distances', (_, g, wanted) => {
  wanted.forEach((distance, i) => {
    expect(Math.abs(consistencySpread({ std }, grids[i]!, g) - std)).toBeCloseTo(distance, 5);
  });
});

test('a flow map with F = 1.05 F* has the known distances, and their limit', () => {
  const wanted = [0.025, 0.02256, 0.0212, 0.02019, 0.0186, 0.01781, 0.01742, 0.01722, 0.01713];
  wanted.forEach((distance, i) => expect(std - flowMapSpread({ std }, grids[i]!, 0.05)).toBeCloseTo(distance, 5));
  expect(std - std ** 1.05).toBeCloseTo(0.017032, 6);
  for (const path of ['linear', 'trigonometric'] as const) {
    expect(flowMapSpread({ std, path }, Array.from(uniformGrid(2 ** 13)), 0.05)).toBeCloseTo(std ** 1.05, 5);
  }
});

test('a small constant error diverges, and a bias adds up', () => {
  expect(consistencySpread({ std }, Array.from(uniformGrid(2048)), () => 0.01)).toBeCloseTo(2.1548, 4);
  const wanted = [0.01, 0.01447, 0.02265, 0.0358, 0.23759];
  [1, 2, 4, 8, 128].forEach((count, i) => {
    expect(consistencyMean({ std }, Array.from(uniformGrid(count)), 0.01)).toBeCloseTo(wanted[i]!, 5);
  });
});

test('for a consistency model another path is another grid: both have the same ratios of data to noise', () => {
  const grid = grids[5]!;
  const linear = grid.map(
    (t) => Math.sin((t * Math.PI) / 2) / (Math.sin((t * Math.PI) / 2) + Math.cos((t * Math.PI) / 2)),
  );
  const [here, there] = [{ std, path: 'trigonometric' } as const, { std }];
  expect(consistencySpread(here, grid, () => 0.05)).toBeCloseTo(
    consistencySpread(there, linear, () => 0.05),
    12,
  );
  expect(flowMapSpread(here, grid, 0)).toBeCloseTo(flowMapSpread(there, linear, 0), 12);
  // Not for a flow map with an error of F, which is a mean over the path's own time.
  expect(Math.abs(flowMapSpread(here, grid, 0.05) - flowMapSpread(there, linear, 0.05))).toBeGreaterThan(1e-5);
});

describe.each([linearPath, trigonometricPath])('on the $name path', (path) => {
  test('exact models have no error in any number of steps', () => {
    for (const grid of grids) {
      expect(consistencySpread({ std, path: path.name }, grid, () => 0)).toBeCloseTo(std, 12);
      expect(flowMapSpread({ std, path: path.name }, grid, 0)).toBeCloseTo(std, 12);
    }
  });

  test.each([1, 2, 5])("the library's samplers have these deviations and means in %d steps", async (count) => {
    const setting = { std, path: path.name };
    const grid = Array.from(uniformGrid(count));
    const exact = gaussianFlowMap({ std }, path);
    const leadingTo =
      (change: (end: Tensor) => Tensor): Average =>
      (x, t, s) =>
        change(exact.map(x, t, s))
          .sub(x)
          .div(perSample(s.sub(t), x));
    const larger = leadingTo((end) => end.mul(1.05));
    const { spread } = await momentsOf(consistency(), path, larger, count);
    expect(spread).toBeCloseTo(
      consistencySpread(setting, grid, () => 0.05),
      12,
    );
    const shifted = leadingTo((end) => end.add(0.02));
    const biased = await momentsOf(consistency(), path, shifted, count);
    expect(biased.spread).toBeCloseTo(std, 12);
    expect(biased.mean).toBeCloseTo(consistencyMean(setting, grid, 0.02), 12);
    const faster: Average = (x, t, s) => exact.averageVelocity(x, t, s).mul(1.05);
    const moved = await momentsOf(flowMapSampler(), path, faster, count);
    expect(moved.spread).toBeCloseTo(flowMapSpread(setting, grid, 0.05), 12);
  });
});

type Average = FlowMap['averageVelocity'];

/**
 * Mean and deviation of the samples of a linear average velocity: the mean is where noises of 0 go, and each noise adds the
 * square of what a noise of 1 changes to the variance.
 */
async function momentsOf(
  sampler: Sampler,
  path: Path,
  F: Average,
  steps: number,
): Promise<Record<'mean' | 'spread', number>> {
  const network = defineNetwork({ type: 'linear', shape: [1], interval: true }, {}, (_, { x, t, s }) => F(x, t, s!));
  const batchSize = steps + 2; // all zero, the first noise, and the noise of each step
  const executable = await referenceRuntime().compile(samplerProgram(sampler, { network, path, batchSize, steps }));
  const start = Float64Array.from({ length: batchSize }, (_, row) => Number(row === 1));
  const noise = Float64Array.from({ length: steps * batchSize }, (_, i) =>
    Number(i % batchSize === 2 + Math.floor(i / batchSize)),
  );
  const { x } = await executable.run({
    x: hostTensor([batchSize, 1], start),
    times: hostTensor([steps + 1], Float64Array.from(uniformGrid(steps))),
    ...(sampler.draws ? { noise: hostTensor([steps, batchSize, 1], noise) } : {}),
  });
  const [mean = NaN, ...ends] = (await x!.read()).data;
  await executable.dispose();
  return { mean, spread: Math.hypot(...ends.map((end) => end - mean)) };
}

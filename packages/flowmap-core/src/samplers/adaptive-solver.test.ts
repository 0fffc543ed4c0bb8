import { referenceRuntime } from '@flowmap/runtime-reference';
import { full, hostTensor, normalBatch, type HostTensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { mixtureFlowMap, mixtureVelocity } from '../closed-forms.js';
import { ConfigError, ToleranceError } from '../errors.js';
import { mlp } from '../networks/mlp.js';
import { perSample } from '../path.js';
import type { VelocityField } from '../plugins.js';
import { fieldModel, gaussianModels, mapModel } from './__fixtures__/exact-models.js';
import { watched } from './__fixtures__/watched.js';
import { compileAdaptiveSolver } from './adaptive-solver.js';
import { compileSampler } from './compile-sampler.js';
import { dormandPrince } from './dormand-prince.js';
import { flowMapSampler } from './flow-map-sampler.js';
import { uniformGrid } from './grid.js';

const runtime = referenceRuntime();
const noise = hostTensor([5, 1], Float64Array.of(-1.6, -0.7, 0.1, 0.9, 2));
const mixture = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };
const laws = {
  Gaussian: gaussianModels({ mean: 0.7, std: 0.5 }),
  mixture: { map: mapModel(mixtureFlowMap(mixture)), field: fieldModel(mixtureVelocity(mixture)) },
  'Gaussian on the trigonometric path': gaussianModels({ mean: 0.7, std: 0.5 }, 'trigonometric'),
};

const leap = async (model: typeof laws.Gaussian.map, from = 1, to = 0): Promise<number[]> => {
  const compiled = await compileSampler(runtime, model, { sampler: flowMapSampler(), batchSize: 5 });
  return Array.from((await compiled.sample({ noise, times: [from, to] })).data);
};
const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

describe.each(Object.entries(laws))('on the exact field of a %s', (name, { map, field }) => {
  test('the error follows the tolerance, at the cost of order 5', async () => {
    const exact = await leap(map);
    const taken: number[] = [];
    for (const tolerance of [1e-6, 1e-8, 1e-10]) {
      const solver = await compileAdaptiveSolver(runtime, field, { batchSize: 5, tolerance });
      const { points, steps } = await solver.solve({ noise });
      // Each step's error is below the tolerance times 1 + |x|; those of all steps add up, and the flow scales them.
      expect(largest(points.data, exact)).toBeLessThan(4 * tolerance);
      taken.push(Math.max(...steps));
    }
    // With steps of order 5 a tolerance 100 times lower takes 100^(1/5) = 2.5 times as many.
    expect(taken[2]! / taken[1]!).toBeGreaterThan(2);
    expect(taken[2]! / taken[1]!).toBeLessThan(3);
  });

  test('it goes from any time to any other', async () => {
    const solver = await compileAdaptiveSolver(runtime, field, { batchSize: 5, tolerance: 1e-9 });
    for (const [from, to] of [
      [0, 1],
      [0.3, 0.8],
      [0.9, 0.2],
      [0.4, 0.4],
    ] as const) {
      const { points } = await solver.solve({ noise, from, to });
      expect(largest(points.data, await leap(map, from, to)), `${name}, ${from} to ${to}`).toBeLessThan(1e-8);
    }
  });
});

test('fixed steps converge with order 5', async () => {
  const { map, field } = laws.Gaussian;
  const exact = await leap(map);
  const compiled = await compileSampler(runtime, field, { sampler: dormandPrince(), batchSize: 5 });
  const errorOf = async (steps: number): Promise<number> =>
    largest((await compiled.sample({ noise, times: uniformGrid(steps) })).data, exact);
  const [coarse, fine] = [await errorOf(32), await errorOf(64)];
  // The next order shifts the slope by a few percent.
  expect(Math.abs(Math.log2(coarse / fine) - 5)).toBeLessThan(0.25);
  expect(fine).toBeLessThan(1e-11);
});

test('a sample is the same alone and in any batch, with its own steps', async () => {
  const { field } = laws.mixture;
  const together = await (await compileAdaptiveSolver(runtime, field, { batchSize: 5 })).solve({ noise });
  const pairs = await (await compileAdaptiveSolver(runtime, field, { batchSize: 2 })).solve({ noise });
  expect({ ...pairs, evaluations: 0 }).toEqual({ ...together, evaluations: 0 });
  expect(new Set(together.steps).size).toBeGreaterThan(1);
  // Six evaluations for the first velocities, and for each try of the slowest sample.
  const tries = Array.from(together.steps, (steps, i) => steps + together.rejected[i]!);
  expect(together.evaluations).toBe(6 * (1 + Math.max(...tries)));
});

test('limits of the steps are kept', async () => {
  const { field } = laws.Gaussian;
  const even = await compileAdaptiveSolver(runtime, field, {
    batchSize: 5,
    tolerance: 1,
    firstStep: 0.1,
    maxStep: 0.1,
  });
  const { points, steps, rejected } = await even.solve({ noise });
  expect([...steps, ...rejected]).toEqual([10, 10, 10, 10, 10, 0, 0, 0, 0, 0]);
  const fixed = await compileSampler(runtime, field, { sampler: dormandPrince(), batchSize: 5 });
  const grid = Float64Array.from({ length: 11 }, (_, i) => 1 - i / 10);
  expect(largest(points.data, (await fixed.sample({ noise, times: grid })).data)).toBeLessThan(1e-12);
});

test('no step is longer than the longest, also the last, which takes in a short rest', async () => {
  const { field } = laws.Gaussian;
  const lengths: number[] = [];
  const watching = watched(runtime, (_, feeds) => {
    const [t, s] = [feeds['t'], feeds['s']] as [HostTensor, HostTensor];
    lengths.push(...Array.from(t.data, (time, i) => Math.abs(s.data[i]! - time)));
  });
  const limits = { tolerance: 1, minStep: 0.125, firstStep: 0.25, maxStep: 0.25 };
  const solver = await compileAdaptiveSolver(watching, field, { batchSize: 5, ...limits });
  // After a step of 1/4 the rest is 5/16: too long for one, and shorter than the longest and the shortest together.
  const { steps } = await solver.solve({ noise, from: 0.5625 });
  expect([...steps]).toEqual([3, 3, 3, 3, 3]);
  expect(new Set(lengths)).toEqual(new Set([0, 0.25, 0.15625]));
  lengths.length = 0;
  // Where steps may be longer, the rest is one.
  const further = await compileAdaptiveSolver(watching, field, { batchSize: 5, ...limits, maxStep: 0.5 });
  await further.solve({ noise, from: 0.5625 });
  expect(new Set(lengths)).toEqual(new Set([0, 0.25, 0.3125]));
});

test('noise and labels come from numbers and names', async () => {
  const network = mlp({ shape: [2], classes: 2, width: 4, depth: 1 });
  const model = { kind: 'velocity', network, params: network.init(0), classes: ['a', 'b'] } as const;
  const solver = await compileAdaptiveSolver(runtime, model, { batchSize: 3 });
  const wanted = await solver.solve({
    noise: hostTensor([2, 2], normalBatch({ seed: 3, purpose: 'noise' }, [2, 2])),
    conditions: { label: Int32Array.of(1, 0) },
  });
  expect(await solver.solve({ seed: 3, labels: ['b', 'a'] })).toEqual(wanted);
});

describe('a tolerance that cannot be met', () => {
  /** A velocity that jumps where the ODE crosses t = 1/2 has no order there. */
  const jump: VelocityField = {
    parameters: {},
    velocity: (_, { x, t }) => perSample(t.greater(0.5).cast('float32'), x).mul(40).broadcastTo(x.shape),
  };

  test('is an error that says how far the solver came', async () => {
    const solver = await compileAdaptiveSolver(runtime, fieldModel(jump), {
      batchSize: 5,
      tolerance: 1e-9,
      minStep: 1e-4,
    });
    const error = await solver.solve({ noise }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ToleranceError);
    const { tolerance, sample, time, step, reached, message } = error as ToleranceError;
    expect({ tolerance, sample }).toEqual({ tolerance: 1e-9, sample: 0 });
    expect(Math.abs(time - 0.5)).toBeLessThan(2e-4);
    expect(step).toBeLessThanOrEqual(2e-4);
    expect(reached).toBeGreaterThan(1e-9);
    expect(message).toMatch(/sample 0 does not meet the tolerance 1e-9: at time 0\.5/);
    expect(message).toContain('its shortest step, 0.0001, is not exact enough');
  });

  test('by too few steps is told as that', async () => {
    const { field } = laws.mixture;
    const solver = await compileAdaptiveSolver(runtime, field, { batchSize: 5, tolerance: 1e-12, maxSteps: 7 });
    await expect(solver.solve({ noise })).rejects.toThrow(/after [1-7] steps, it has had its 7 tries/);
    await expect(solver.solve({ noise })).rejects.toBeInstanceOf(ToleranceError);
  });

  test('since the velocity is no number is told too', async () => {
    const nowhere: VelocityField = { parameters: {}, velocity: (_, { x }) => x.mul(0).div(full(0, x.shape)) };
    const solver = await compileAdaptiveSolver(runtime, fieldModel(nowhere), { batchSize: 5 });
    await expect(solver.solve({ noise })).rejects.toThrow(/has an error of about NaN/);
  });

  test('by the precision of the runtime is refused at once, as are lengths out of order', async () => {
    const { field } = laws.Gaussian;
    const single = { ...runtime, precision: 'float32' as const };
    const refused = async (options: object, message: string, on = runtime): Promise<void> => {
      const failing = compileAdaptiveSolver(on, field, { batchSize: 5, ...options });
      await expect(failing).rejects.toBeInstanceOf(ConfigError);
      await expect(failing).rejects.toThrow(message);
    };
    await refused({ tolerance: 1e-8 }, 'tolerance: wanted a number of at least 0.000001', single);
    await refused({ tolerance: 1e-15 }, 'tolerance: wanted a number of at least 1e-14');
    await refused({ tolerance: NaN }, 'tolerance');
    await refused({ minStep: 0 }, 'minStep: wanted 0 < minStep <= firstStep <= maxStep <= 1');
    await refused({ firstStep: 0.2, maxStep: 0.1 }, 'minStep');
    await refused({ maxSteps: 0 }, 'maxSteps: wanted a whole number >= 1');
    await refused({ steps: 4 }, 'steps');
    const solver = await compileAdaptiveSolver(runtime, field, { batchSize: 5 });
    await expect(solver.solve({ noise, from: 1.5 })).rejects.toThrow('from: wanted a time in [0, 1], got 1.5');
    await expect(solver.solve({ seed: 0, steps: 4 } as never)).rejects.toThrow('steps');
  });
});

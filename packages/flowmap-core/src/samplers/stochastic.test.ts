import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normalBatch } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { gaussianFlowMap, mixtureFlowMap } from '../closed-forms.js';
import type { Model } from '../models/model.js';
import { mlp } from '../networks/mlp.js';
import { defineNetwork } from '../networks/network.js';
import { linearPath, trigonometricPath, type PathName } from '../path.js';
import type { FlowMap } from '../plugins.js';
import { compileSampler } from './compile-sampler.js';
import type { SampleArguments } from './sample-request.js';
import { consistency } from './consistency.js';
import { flowMapSampler } from './flow-map-sampler.js';
import { gamma } from './gamma.js';
import { uniformGrid } from './grid.js';
import type { Sampler } from './sampler.js';

const runtime = referenceRuntime();

/** An exact flow map as a model without parameters. */
function modelOf(exact: FlowMap, path: PathName = 'linear'): Model {
  const config = { type: 'exact', shape: [1], interval: true };
  const network = defineNetwork(config, {}, (_, { x, t, s }) => exact.averageVelocity(x, t, s!));
  return { kind: 'flowMap', network, params: {}, classes: [], path };
}

const gaussian = modelOf(gaussianFlowMap({ mean: 0.7, std: 0.5 }));
const trigonometric = modelOf(gaussianFlowMap({ mean: 0.7, std: 0.5 }, trigonometricPath), 'trigonometric');
const noise = hostTensor([5, 1], [-1.6, -0.7, 0.1, 0.9, 2]);

async function sampled(model: Model, sampler: Sampler, args: SampleArguments): Promise<number[]> {
  const compiled = await compileSampler(runtime, model, { sampler, batchSize: args.noise.shape[0]! });
  return Array.from((await compiled.sample(args)).data);
}

describe('γ-sampling', () => {
  const args = { noise, times: [1, 0.8, 0.3, 0.1, 0], seed: 4 };

  test('with γ = 0 is the sampler of the flow map, to the bit, and takes no seed', async () => {
    const { seed, ...rest } = args;
    expect(seed).toBe(4);
    expect(await sampled(gaussian, gamma(0), rest)).toEqual(await sampled(gaussian, flowMapSampler(), rest));
  });

  test('with γ = 1 is the sampler of consistency models', async () => {
    const [ours, theirs] = [await sampled(gaussian, gamma(1), args), await sampled(gaussian, consistency(), args)];
    for (const [i, value] of ours.entries()) expect(value).toBeCloseTo(theirs[i]!, 12);
    // At s = 1 nothing of the data is left, so no formula may divide by its factor.
    const up = { ...args, times: [0.3, 1] };
    expect(await sampled(gaussian, gamma(1), up)).toEqual(await sampled(gaussian, consistency(), up));
  });

  test('steps as worked out by hand', async () => {
    // γ = 0.6, from t = 1 to s = 0.5: r = 0.8, a = 0.5 + 0.4 = 0.9, s' = 0.4 / 0.9; the map of N(0, 1/4) scales by
    // sigma(s') / sigma(1).
    const model = modelOf(gaussianFlowMap({ std: 0.5 }));
    const z = normalBatch({ seed: 9, purpose: 'sampler' }, [1, 1])[0]!;
    const landing = 0.4 / 0.9;
    const wanted = 0.9 * 0.37 * Math.hypot((1 - landing) / 2, landing) + 0.6 * 0.5 * z;
    const start = hostTensor([1, 1], Float64Array.of(0.37));
    const [got] = await sampled(model, gamma(0.6), { noise: start, times: [1, 0.5], seed: 9 });
    expect(got).toBeCloseTo(wanted, 12);
  });

  test('steps on the trigonometric path as worked out by hand', async () => {
    // γ = 0.6, from t = 1 to s = 0.5, an angle of π / 4: r = 0.8, tan(angle') = 0.8, and a = cos(angle) / cos(angle').
    // Data of standard deviation 1 stays where it is, so the map is the identity.
    const model = modelOf(gaussianFlowMap({ std: 1 }, trigonometricPath), 'trigonometric');
    const z = normalBatch({ seed: 9, purpose: 'sampler' }, [1, 1])[0]!;
    const wanted = (Math.SQRT1_2 / Math.cos(Math.atan(0.8))) * 0.37 + 0.6 * Math.SQRT1_2 * z;
    const start = hostTensor([1, 1], Float64Array.of(0.37));
    const [got] = await sampled(model, gamma(0.6), { noise: start, times: [1, 0.5], seed: 9 });
    expect(got).toBeCloseTo(wanted, 12);
  });

  test('on the trigonometric path is the same at both ends of γ', async () => {
    const { seed, ...rest } = args;
    const [still, moved] = [
      await sampled(trigonometric, gamma(0), rest),
      await sampled(trigonometric, flowMapSampler(), rest),
    ];
    for (const [i, value] of still.entries()) expect(value).toBeCloseTo(moved[i]!, 12);
    for (const times of [args.times, [0.3, 1]]) {
      const drawn = { ...rest, times, seed };
      const [ours, theirs] = [
        await sampled(trigonometric, gamma(1), drawn),
        await sampled(trigonometric, consistency(), drawn),
      ];
      for (const [i, value] of ours.entries()) expect(value).toBeCloseTo(theirs[i]!, 12);
    }
  });

  test.each([-0.1, 1.1, NaN])('refuses γ = %d', (strength) => {
    expect(() => gamma(strength)).toThrow(expect.objectContaining({ name: 'ConfigError', option: 'gamma' }));
  });
});

describe.each([gamma(0.3), gamma(0.9), consistency()])(
  'the law at every time of the grid, by $name $config',
  (sampler) => {
    const parts = { weights: [0.3, 0.7], means: [-1, 1.2], stds: [0.3, 0.5] };
    const mean = -0.3 + 0.7 * 1.2;
    const variance = 0.3 * (0.3 ** 2 + 1) + 0.7 * (0.5 ** 2 + 1.2 ** 2) - mean ** 2;
    const laws = [
      { name: 'Gaussian', model: gaussian, path: linearPath, mean: 0.7, variance: 0.25, count: 25_000 },
      { name: 'mixture', model: modelOf(mixtureFlowMap(parts)), path: linearPath, mean, variance, count: 4000 },
      {
        name: 'Gaussian on the trigonometric path',
        model: trigonometric,
        path: trigonometricPath,
        mean: 0.7,
        variance: 0.25,
        count: 25_000,
      },
    ];

    test.each(laws)(
      'is that of the path for a $name',
      { timeout: 120_000 },
      async ({ model, path, mean, variance, count }) => {
        const compiled = await compileSampler(runtime, model, { sampler, batchSize: count });
        let x = hostTensor([count, 1], normalBatch({ seed: 2, purpose: 'noise' }, [count, 1]));
        const times = [1, 0.7, 0.4, 0.1, 0];
        for (const [i, s] of times.slice(1).entries()) {
          x = await compiled.sample({ noise: x, times: [times[i]!, s], seed: i });
          const [gotMean, gotVariance] = momentsOf(x.data);
          const [alpha, sigma] =
            path === linearPath ? [1 - s, s] : [Math.cos((Math.PI / 2) * s), Math.sin((Math.PI / 2) * s)];
          const wantedMean = alpha * mean;
          const wantedVariance = alpha ** 2 * variance + sigma ** 2;
          // Four standard errors: of a mean sqrt(v / n), of a variance at most v sqrt(2 / n), as no mixture here has
          // heavier tails than a normal distribution.
          expect(Math.abs(gotMean - wantedMean)).toBeLessThan(4 * Math.sqrt(wantedVariance / count));
          expect(Math.abs(gotVariance - wantedVariance)).toBeLessThan(4 * wantedVariance * Math.sqrt(2 / count));
        }
      },
    );
  },
);

function momentsOf(values: ArrayLike<number>): [mean: number, variance: number] {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return [mean, all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length];
}

describe('noise of the steps', () => {
  const network = mlp({ shape: [2], interval: true, width: 4, depth: 1 });
  const model: Model = { kind: 'flowMap', network, params: network.init(0), classes: [] };
  const start = hostTensor([5, 2], normalBatch({ seed: 1, purpose: 'noise' }, [5, 2]));
  const times = uniformGrid(5, 1, 0.2);

  test('depends only on the seed and the indices of sample and step', async () => {
    const splits = [[5, 1], [1, 1], [2, 2], [8, 5], [3, 7]] as const; // prettier-ignore
    const results = await Promise.all(
      splits.map(async ([batchSize, stepsPerCall]) => {
        const compiled = await compileSampler(runtime, model, { sampler: gamma(0.5), batchSize, stepsPerCall });
        return compiled.sample({ noise: start, times, seed: 3 });
      }),
    );
    for (const result of results) expect(result).toEqual(results[0]);
    const compiled = await compileSampler(runtime, model, { sampler: gamma(0.5), batchSize: 5 });
    expect(await compiled.sample({ noise: start, times, seed: 4 })).not.toEqual(results[0]);
    const last = { noise: hostTensor([2, 2], start.data.slice(6)), times, seed: 3, firstSample: 3 };
    expect((await compiled.sample(last)).data).toEqual(results[0]!.data.slice(6));
  });

  test('differs between samples and steps', async () => {
    const compiled = await compileSampler(runtime, model, { sampler: consistency(), batchSize: 4 });
    const same = hostTensor([3, 2], new Float32Array(6));
    const { data } = await compiled.sample({ noise: same, times: [1, 0.5], seed: 0 });
    expect(new Set(data).size).toBe(6);
    const twice = await compiled.sample({ noise: same, times: [1, 0.5, 0.5000001], seed: 0 });
    expect(Math.abs(twice.data[0]! - data[0]!)).toBeGreaterThan(0.01);
  });

  test('needs a seed', async () => {
    const compiled = await compileSampler(runtime, model, { sampler: consistency(), batchSize: 4 });
    const refused = compiled.sample({ noise: start, times });
    await expect(refused).rejects.toThrow(expect.objectContaining({ name: 'ConfigError', option: 'seed' }));
    await expect(refused).rejects.toThrow(/sampler 'consistency' draws noise/);
    await expect(compiled.sample({ noise: start, times, seed: -1 })).rejects.toThrow(/seed/);
  });
});

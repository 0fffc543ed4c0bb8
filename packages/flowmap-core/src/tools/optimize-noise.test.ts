import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normalBatch, type Tensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import { gaussianModels } from '../samplers/__fixtures__/exact-models.js';
import { compileSampler } from '../samplers/compile-sampler.js';
import { flowMapSampler } from '../samplers/flow-map-sampler.js';
import { gamma } from '../samplers/gamma.js';
import { adamsBashforth } from '../samplers/adams-bashforth.js';
import { correlatedModel, LAW, moments } from './__fixtures__/correlated.js';
import { watched } from '../samplers/__fixtures__/watched.js';
import { measurement } from './reward.js';
import { optimizeNoise } from './optimize-noise.js';
import { rewardGuided } from './reward-guided.js';

const runtime = referenceRuntime();
const first = (x: Tensor): Tensor => x.slice([0, 0], [x.shape[0]!, 1]);

describe('a linear measurement of correlated normal numbers', () => {
  const [y, error] = [0.6, 0.2];
  const seen = measurement({ of: first, value: hostTensor([1], Float64Array.of(y)), std: error });
  const [variance, covariance] = [LAW.std ** 2, LAW.correlation * LAW.std ** 2];
  const gain = 1 / (variance + error ** 2);

  test('gives exactly the posterior, in three evaluations', async () => {
    const count = 2000;
    const options = { runtime, reward: seen, count, seed: 5, batchSize: count };
    const { samples } = await optimizeNoise(correlatedModel(), { ...options, evaluations: 3 });
    // Each sample is the one before the measurement, moved by the gain times how far it is from the perturbed value.
    const compiled = await compileSampler(runtime, correlatedModel(), { batchSize: count });
    const before = await compiled.sample({
      noise: hostTensor([count, 2], Float64Array.from(normalBatch({ seed: 5, purpose: 'noise' }, [count, 2]))),
      times: [1, 0],
    });
    const errors = normalBatch({ seed: 5, purpose: 'measurement' }, [count, 1]);
    let largest = 0;
    for (let i = 0; i < count; i++) {
      const [a, b] = [before.data[2 * i]!, before.data[2 * i + 1]!];
      const innovation = y + error * errors[i]! - a;
      const wanted = [a + variance * gain * innovation, b + covariance * gain * innovation];
      largest = Math.max(largest, ...wanted.map((value, j) => Math.abs(value - samples.data[2 * i + j]!)));
    }
    expect(largest).toBeLessThan(1e-9);
    // So mean and deviation of both are those of the posterior, within four standard errors.
    for (const [j, shared] of [variance, covariance].entries()) {
      const { mean, std } = moments(Array.from(samples.data).filter((_, i) => i % 2 === j));
      const wanted = Math.sqrt(variance - shared ** 2 * gain);
      expect(Math.abs(mean - shared * gain * y)).toBeLessThan((4 * wanted) / Math.sqrt(count));
      expect(Math.abs(std - wanted)).toBeLessThan((4 * wanted) / Math.sqrt(2 * count));
    }
  });

  test('is told by its likelihood', async () => {
    const result = await optimizeNoise(correlatedModel(), { runtime, reward: seen, count: 5, seed: 1 });
    for (let i = 0; i < 5; i++) {
      expect(result.reward[i]).toBeCloseTo(-((result.samples.data[2 * i]! - y) ** 2) / (2 * error ** 2), 9);
    }
    const start = await optimizeNoise(correlatedModel(), { runtime, reward: seen, count: 5, seed: 1, evaluations: 1 });
    expect(start.reward).toEqual(result.startReward);
    expect(start.noise.data).toEqual(Float64Array.from(normalBatch({ seed: 1, purpose: 'noise' }, [5, 2])));
  });
});

describe('a reward', () => {
  const { map, field } = gaussianModels({ mean: 0.7, std: 0.5 });
  const noise = hostTensor([3, 1], Float64Array.of(-1, 0.2, 1.5));

  test('that is linear moves each noise by its slope', async () => {
    // |z - z_0|² / 2 - k (m + c z) is least at z_0 + k c.
    const options = { runtime, reward: (x: Tensor) => x.sum([1]).mul(3), noise, seed: 0 };
    for (const [model, walk, tolerance] of [
      [map, {}, 1e-9],
      [map, { steps: 3 }, 1e-9],
      [field, { steps: 32, sampler: adamsBashforth() }, 2e-2],
    ] as const) {
      const result = await optimizeNoise(model, { ...options, ...walk, batchSize: 2 });
      for (const [i, z] of noise.data.entries()) {
        expect(Math.abs(result.noise.data[i]! - (z + 1.5))).toBeLessThan(tolerance);
        expect(Math.abs(result.samples.data[i]! - (0.7 + 0.5 * (z + 1.5)))).toBeLessThan(tolerance);
        expect(result.reward[i]).toBeCloseTo(3 * result.samples.data[i]!, 9);
        expect(Math.abs(result.startReward[i]! - 3 * (0.7 + 0.5 * z))).toBeLessThan(3 * tolerance);
      }
    }
  });

  test('that is not convex never ends with a worse objective', async () => {
    const reward = (x: Tensor): Tensor => x.mul(7).sin().sum([1]).mul(4);
    let before = Array.from(noise.data, () => Infinity);
    for (const evaluations of [1, 2, 4, 8, 24]) {
      const result = await optimizeNoise(map, { runtime, reward, noise, seed: 0, evaluations });
      const objective = Array.from(result.noise.data, (z, i) => (z - noise.data[i]!) ** 2 / 2 - result.reward[i]!);
      for (const [i, value] of objective.entries()) expect(value).toBeLessThanOrEqual(before[i]! + 1e-12);
      before = objective;
      if (evaluations < 24) continue;
      // The slope vanishes: z - z_0 = 4 · 7 c cos(7 (m + c z))
      for (const [i, z] of result.noise.data.entries()) {
        expect(Math.abs(z - noise.data[i]! - 14 * Math.cos(7 * (0.7 + 0.5 * z)))).toBeLessThan(1e-3);
      }
    }
  });

  test('leaves the noise that it stays close to on the device', async () => {
    const seen = measurement({ of: first, value: hostTensor([1], [0]), std: 1 });
    const written: string[] = [];
    const fed = new Set<string>();
    const watching = watched(runtime, (call, values) => {
      for (const name of Object.keys(values))
        if (call === 'run') fed.add(name);
        else written.push(name);
    });
    await optimizeNoise(map, { runtime: watching, reward: seen, noise, seed: 0, batchSize: 2, evaluations: 3 });
    expect(written).toEqual(['anchor', 'errors', 'anchor', 'errors']);
    expect([...fed].sort()).toEqual(['gradient', 'length', 'noise', 'objective', 'reward', 'samples']);
  });

  test('wants a seed only where noise is drawn', async () => {
    const reward = (x: Tensor) => x.sum([1]);
    const fixed = { runtime, reward, noise };
    expect(await optimizeNoise(map, fixed)).toEqual(await optimizeNoise(map, { ...fixed, seed: 3 }));
    const seen = measurement({ of: first, value: hostTensor([1], [0]), std: 1 });
    const wanted = 'optimizeNoise.seed: wanted a whole number >= 0';
    await expect(optimizeNoise(map, { runtime, reward, count: 2 })).rejects.toThrow(wanted);
    await expect(optimizeNoise(map, { ...fixed, reward: seen })).rejects.toThrow(wanted);
    await expect(optimizeNoise(map, { ...fixed, seed: -1 })).rejects.toThrow(wanted);
  });

  test('takes the default steps also if they are undefined', async () => {
    const options = { runtime, reward: (x: Tensor) => x.sum([1]), noise, seed: 0 };
    const undecided = { ...options, steps: undefined } as unknown as typeof options;
    expect(await optimizeNoise(field, undecided)).toEqual(await optimizeNoise(field, options));
  });

  test('without a slope leaves all as it is', async () => {
    const result = await optimizeNoise(map, { runtime, reward: (x) => x.sum([1]).mul(0), noise, seed: 0 });
    expect(result.noise.data).toEqual(noise.data);
  });

  test('guides the steps of another sampler along its gradient', async () => {
    // r = -(x - y)² / 2 of f(x, t, 0) = m + c / σ(t) (x - (1 - t) m)
    const [y, scale] = [2, 0.3];
    const reward = (x: Tensor): Tensor => x.sub(y).square().mul(-0.5).sum([1]);
    const times = [1, 0.6, 0.25, 0];
    const spread = (t: number): number => Math.hypot((1 - t) * 0.5, t);
    const worked = (z: number, isNormal: boolean): number => {
      let x = z;
      for (let i = 0; i < 3; i++) {
        const [t, s] = [times[i]!, times[i + 1]!];
        const jacobian = 0.5 / spread(t);
        const slope = jacobian * (y - (0.7 + jacobian * (x - (1 - t) * 0.7)));
        x += scale * (isNormal ? Math.sign(slope) : slope);
        x = (1 - s) * 0.7 + (spread(s) / spread(t)) * (x - (1 - t) * 0.7);
      }
      return x;
    };
    for (const normalize of [false, true]) {
      const sampler = rewardGuided(flowMapSampler(), { reward, scale, normalize });
      const compiled = await compileSampler(runtime, map, { sampler, batchSize: 3 });
      const { data } = await compiled.sample({ noise, times });
      for (const [i, z] of noise.data.entries()) expect(data[i]).toBeCloseTo(worked(z, normalize), 10);
      // Steps of no length are none.
      const padded = await compiled.sample({ noise, times: [1, 1, 0.6, 0.6, 0.25, 0, 0] });
      expect(padded.data).toEqual(data);
    }
  });

  test('guides a velocity field by its mean data, and keeps what a method carries', async () => {
    const reward = (x: Tensor): Tensor => x.sum([1]);
    const sampler = rewardGuided(adamsBashforth(), { reward, scale: 1e-9 });
    const [guided, plain] = await Promise.all(
      [sampler, adamsBashforth()].map(async (each) => {
        const compiled = await compileSampler(runtime, field, { sampler: each, batchSize: 3 });
        return compiled.sample({ noise, times: [1, 0.5, 0.2, 0] });
      }),
    );
    for (const [i, value] of guided!.data.entries()) {
      expect(Math.abs(value - plain!.data[i]!)).toBeLessThan(1e-8);
      expect(value).toBeGreaterThan(plain!.data[i]!);
    }
  });

  test('of what makes no sense is refused', async () => {
    const reward = (x: Tensor): Tensor => x.sum([1]);
    const refused = async (options: object, message: string): Promise<void> => {
      const failing = optimizeNoise(map, { runtime, reward, seed: 0, count: 2, ...options });
      await expect(failing).rejects.toThrow(message);
    };
    await refused({ count: undefined }, 'optimizeNoise.count: wanted it, or `noise` in its place; got neither');
    await refused({ noise }, 'optimizeNoise.count: wanted it, or `noise` in its place; got both');
    await refused({ evaluations: 0 }, 'optimizeNoise.evaluations: wanted a whole number >= 1');
    await refused({ sampler: gamma(0.5) }, 'optimizeNoise.sampler: wanted one that draws no noise');
    const onField = optimizeNoise(field, { runtime, reward, seed: 0, count: 2, sampler: flowMapSampler() });
    await expect(onField).rejects.toThrow("optimizeNoise.sampler: 'flow-map' wants a flow map");
    await refused({ reward: (x: Tensor) => x.sum() }, 'reward: wanted one for each sample, [2], got []');
    const seen = (options: object) => measurement({ of: first, value: hostTensor([1], [0]), std: 1, ...options });
    await refused({ reward: seen({ value: hostTensor([2], [0, 1]) }) }, 'measurement.of: wanted [batch, 2]');
    for (const std of [0, -1, NaN]) expect(() => seen({ std })).toThrow('measurement.std: wanted a number > 0');
    for (const scale of [0, NaN, Infinity]) {
      expect(() => rewardGuided(flowMapSampler(), { reward, scale })).toThrow(ConfigError);
    }
    expect(() => rewardGuided({} as never, { reward, scale: 1 })).toThrow('wanted a sampler');
  });
});

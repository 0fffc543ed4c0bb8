import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type Program } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import type { Model } from '../models/model.js';
import { defineNetwork } from '../networks/network.js';
import { fieldModel, gaussianModels } from '../samplers/__fixtures__/exact-models.js';
import { gaussianVelocity } from '../closed-forms.js';
import { compileSampler } from '../samplers/compile-sampler.js';
import { uniformGrid } from '../samplers/grid.js';
import { flowMapSampler } from '../samplers/flow-map-sampler.js';
import { gamma } from '../samplers/gamma.js';
import { heun } from '../samplers/heun.js';
import { exactModel } from '../testing/exact-network.js';
import { interpolateSamples, slerp } from './interpolate-samples.js';
import { invert } from './invert.js';

const runtime = referenceRuntime();
const law = { mean: 0.7, std: 0.5 };
const samples = hostTensor([4, 1], Float64Array.of(-0.4, 0.3, 0.9, 1.6));
const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

describe.each(['linear', 'trigonometric'] as const)('inversion of normal data on the %s path', (path) => {
  const { map, field } = gaussianModels(law, path);
  // f(x, 0, 1) = (x - m) / c
  const exact = Array.from(samples.data, (x) => (x - law.mean) / law.std);

  test.each([1, 3])('by the exact map in %d steps is exact, and so is the way back', async (steps) => {
    const { noise, restored, error } = await invert(map, { runtime, samples, steps, batchSize: 3 });
    expect(largest(noise.data, exact)).toBeLessThan(1e-12);
    expect(largest(restored.data, samples.data)).toBeLessThan(1e-12);
    expect(Math.max(...error)).toBeLessThan(1e-12);
  });

  test('by a solver of the velocity errs as the solver does', async () => {
    const errorOf = async (model: Model, steps: number) => {
      const { noise } = await invert(model, { runtime, samples, sampler: heun(), steps });
      return largest(noise.data, exact);
    };
    for (const model of [map, field]) {
      const [coarse, fine] = [await errorOf(model, 32), await errorOf(model, 64)];
      expect(fine).toBeLessThan(1e-3);
      expect(Math.abs(Math.log2(coarse / fine) - 2)).toBeLessThan(0.2);
    }
    // There by the solver, back by the map.
    const back = { sampler: flowMapSampler(), steps: 1 };
    const { noise, restored } = await invert(map, { runtime, samples, sampler: heun(), steps: 64, back });
    const wanted = Array.from(noise.data, (z) => law.mean + law.std * z);
    expect(largest(restored.data, wanted)).toBeLessThan(1e-12);
  });
});

test('the round-trip error of a map that knows one way only is reported', async () => {
  const { network } = gaussianModels(law).map;
  // Towards noise it stays where it is.
  const oneWay = defineNetwork({ type: 'exact', shape: [1], interval: true }, {}, (params, inputs) => {
    const isDown = inputs.s!.less(inputs.t).cast('float32').reshape([-1, 1]);
    return network.apply(params, inputs).mul(isDown);
  });
  const model: Model = { kind: 'flowMap', network: oneWay, params: {}, classes: [] };
  const { noise, error } = await invert(model, { runtime, samples, steps: 1 });
  expect(largest(noise.data, samples.data)).toBe(0);
  const wanted = Array.from(samples.data, (x) => Math.abs(law.mean + law.std * x - x));
  expect(largest(error, wanted)).toBeLessThan(1e-12);
});

test('what cannot be inverted is refused', async () => {
  const { map } = gaussianModels(law);
  const refused = async (options: object, message: string): Promise<void> => {
    const failing = invert(map, { runtime, samples, ...options });
    await expect(failing).rejects.toThrow(message);
  };
  await refused({ sampler: gamma(0.5) }, "invert.sampler: wanted one that draws no noise, such as heun(); got 'gamma'");
  await refused({ back: { sampler: gamma(0.5) } }, 'invert.back.sampler: wanted one that draws no noise');
  await refused({ back: { times: [0, 1] } }, 'invert.back.times: is no option');
  await refused({ labels: ['cat'] }, 'labels: wanted none, since the network has no classes');
  await refused({ samples: hostTensor([4], new Float32Array(4)) }, 'invert, samples: wanted [count, 1], got [4]');
  await refused({ steps: 0 }, 'steps: wanted a whole number >= 1');
  const field = fieldModel(gaussianVelocity(law));
  await expect(invert(field, { runtime, samples, sampler: flowMapSampler() })).rejects.toBeInstanceOf(ConfigError);
});

describe('interpolation', () => {
  test('between normal data is on the arc between their noises', async () => {
    const { map } = gaussianModels(law);
    const two = { ...map, network: exactModel(true).network, classes: ['here', 'moved'] };
    const from = hostTensor([2, 2], Float64Array.of(0.1, -0.3, 0.8, 0.2));
    const to = hostTensor([2, 2], Float64Array.of(-0.5, 0.4, 2.1, 1.6));
    const options = { runtime, from, to, frames: 5, labels: ['here'], toLabels: ['here', 'moved'], steps: 2 };
    const { frames, error } = await interpolateSamples(two, options);
    expect(frames.shape).toEqual([2, 5, 2]);
    expect(Math.max(...error.from, ...error.to)).toBeLessThan(1e-12);
    for (const [i, mean] of [0, 1.5].entries()) {
      // Both classes have a deviation of 1/2; 'moved' has the mean 1.5.
      const a = Array.from(from.data.subarray(2 * i, 2 * i + 2), (x) => x / 0.5);
      const b = Array.from(to.data.subarray(2 * i, 2 * i + 2), (x) => (x - mean) / 0.5);
      for (let frame = 0; frame < 5; frame++) {
        const shift = frame < 2.5 ? 0 : mean;
        const wanted = slerp(a, b, frame / 4).map((z) => shift + 0.5 * z);
        const got = frames.data.subarray((5 * i + frame) * 2, (5 * i + frame + 1) * 2);
        expect(largest(got, wanted)).toBeLessThan(1e-12);
      }
    }
  });

  test.each([
    ['the same way back', {}, 1],
    ['the same sampler back', { back: { steps: 8 } }, 1],
    ['another sampler back', { sampler: heun(), back: { steps: 1 } }, 2],
  ])('by %s compiles each program once', async (_, walks, programs) => {
    let compiled = 0;
    const counting = { ...runtime, compile: (program: Program) => (compiled++, runtime.compile(program)) };
    const { map } = gaussianModels(law);
    await interpolateSamples(map, { runtime: counting, from: samples, to: samples, frames: 2, ...walks });
    expect(compiled).toBe(programs);
  });

  test('of noises keeps their length, and turns evenly', () => {
    const [a, b] = [[3, 0, 4], [0, 5, 0]]; // prettier-ignore
    for (const weight of [0, 0.25, 0.5, 1]) {
      const point = slerp(a, b, weight);
      expect(Math.hypot(...point)).toBeCloseTo(5, 12);
      const cosine = (point[0]! * 3 + point[2]! * 4) / 25;
      expect(Math.acos(Math.min(1, cosine))).toBeCloseTo((weight * Math.PI) / 2, 7);
    }
    expect(Array.from(slerp([1, 2], [2, 4], 0.5))).toEqual([1.5, 3]);
    expect(Array.from(slerp([0, 0], [2, 4], 0.25))).toEqual([0.5, 1]);
    expect(() => slerp([1, 2], [-1, -2], 0.5)).toThrow('no one arc between opposite vectors');
    expect(() => slerp([1, 0], [1], 0.5)).toThrow('slerp: wanted equally long vectors, got 2 and 1');
    expect(() => slerp([1], [1], 1.5)).toThrow('slerp.weight: wanted a number in [0, 1], got 1.5');
  });

  test('of what does not belong together is refused', async () => {
    const { map } = gaussianModels(law);
    const refused = async (options: object, message: string): Promise<void> => {
      const failing = interpolateSamples(map, { runtime, from: samples, to: samples, frames: 3, ...options });
      await expect(failing).rejects.toThrow(message);
    };
    await refused({ frames: 1 }, 'interpolateSamples.frames: wanted a whole number >= 2');
    await refused({ to: hostTensor([1, 1], [0]) }, 'interpolateSamples.to: wanted 4 samples, as in `from`; got 1');
    const [classed, pair] = [exactModel(true), hostTensor([1, 2], new Float32Array(2))];
    const idle = { ...runtime, compile: () => Promise.reject(new Error('compiled')) };
    const ends = { runtime: idle, from: pair, to: pair, frames: 3, labels: ['here'], toLabels: ['nowhere'] };
    await expect(interpolateSamples(classed, ends)).rejects.toThrow('labels: wanted an index from 0 to 1');
    await refused({ toLabels: ['a'] }, 'interpolateSamples.toLabels: has no effect without `labels`');
  });
});

test('the noise of many samples is the same in any batch, as by the sampler itself', async () => {
  const { map } = gaussianModels(law);
  const compiled = await compileSampler(runtime, map, { batchSize: 4 });
  const wanted = await compiled.sample({ noise: samples, times: uniformGrid(4, 0, 1) });
  for (const batchSize of [1, 3]) {
    expect((await invert(map, { runtime, samples, batchSize })).noise).toEqual(wanted);
  }
});

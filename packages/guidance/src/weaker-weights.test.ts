import { ConfigError, mlp, type Model } from '@flowmap/core';
import { hostTensor } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { droppedWeights, noisyWeights } from './weaker-weights.js';

const network = mlp({ shape: [2], width: 64, depth: 1 });
const model: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
const weight = 'block0.inner.weight';

const meanSquare = (values: ArrayLike<number>): number => {
  return Array.from(values).reduce((sum, value) => sum + value ** 2, 0) / values.length;
};

test('noise is relative to each parameter, the same for the same seed, and leaves zeros alone', () => {
  const noisy = noisyWeights(model, { std: 0.1, seed: 1 });
  const [before, after] = [model.params[weight]!.data, noisy.params[weight]!.data];
  const difference = Array.from(after, (value, i) => value - before[i]!);
  // 4,096 draws: a standard deviation has an error of 1.1 %.
  expect(Math.sqrt(meanSquare(difference) / meanSquare(before))).toBeCloseTo(0.1, 2);
  expect(noisy.params['output.weight']).toEqual(model.params['output.weight']);
  expect(noisyWeights(model, { std: 0.1, seed: 1 })).toEqual(noisy);
  expect(noisyWeights(model, { std: 0.1, seed: 2 }).params[weight]).not.toEqual(noisy.params[weight]);
  expect(noisyWeights(model, { std: 0, seed: 1 }).params).toEqual(model.params);
});

test('dropped weights are zero, the others scaled so that the mean stays', () => {
  const { params } = droppedWeights(model, { share: 0.25, seed: 1 });
  const before = model.params[weight]!.data;
  let zeros = 0;
  params[weight]!.data.forEach((value, i) => {
    if (value === 0) zeros++;
    else expect(value).toBe(Math.fround(before[i]! / 0.75));
  });
  expect(Math.abs(zeros / before.length - 0.25)).toBeLessThan(0.034); // 5 standard deviations
});

test('what training must not change stays', () => {
  const parameters = { ...network.parameters, [weight]: { ...network.parameters[weight]!, fixed: true } };
  const fixed: Model = { ...model, network: { ...network, parameters } };
  for (const weaker of [noisyWeights(fixed, { std: 1, seed: 0 }), droppedWeights(fixed, { share: 0.5, seed: 0 })]) {
    expect(weaker.params[weight]).toBe(model.params[weight]);
    expect(weaker.params['input.weight']).not.toEqual(model.params['input.weight']);
  }
});

test('takes files of earlier versions', () => {
  const upgrade = (params: Model['params']) => ({ ...params, [weight]: hostTensor([64, 64], new Float32Array(4096)) });
  const old: Model = { ...model, network: { ...network, upgrade } };
  expect(noisyWeights(old, { std: 1, seed: 0 }).params[weight]!.data.every((value) => value === 0)).toBe(true);
});

test('refuses amounts that make no sense', () => {
  for (const std of [-1, NaN, Infinity]) expect(() => noisyWeights(model, { std, seed: 0 })).toThrow(ConfigError);
  for (const share of [-0.1, 1, NaN]) expect(() => droppedWeights(model, { share, seed: 0 })).toThrow(ConfigError);
});

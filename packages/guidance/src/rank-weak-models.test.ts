import { ConfigError, mlp, uniformGrid, type Model } from '@flowmap/core';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type HostTensor, type Runtime } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { rankWeakModels, type RankedGuidance } from './rank-weak-models.js';

const network = mlp({ shape: [1], width: 4, depth: 1 });

/** A model whose velocity is the same number everywhere: samples from 0 end at its negative. */
function constant(velocity: number): Model {
  const params = { ...network.init(0), 'output.bias': hostTensor([1], Float32Array.of(velocity)) };
  return { kind: 'velocity', network, params, classes: [] };
}

const strong = constant(-1);
const noise = hostTensor([4, 1], new Float32Array(4));
const times = uniformGrid(1);
const weak = { slow: constant(0), backwards: constant(1) };

// Guided by them, samples end at λ and at 2 λ - 1.
const distanceFrom5 = ({ data }: HostTensor): number => Math.abs(data[0]! - 5);

test('tries each pair once and ranks them', async () => {
  let compiled = 0;
  const reference = referenceRuntime();
  const runtime: Runtime = { ...reference, compile: (...args) => (compiled++, reference.compile(...args)) };
  const seen: RankedGuidance[] = [];
  const onScore = (result: RankedGuidance) => seen.push(result);
  const options = { strong, weak, scales: [3, 1, 2, 3], runtime, noise, times, score: distanceFrom5, onScore };
  const { results, best, table } = await rankWeakModels(options);
  expect(best).toEqual({ weak: 'backwards', scale: 3, score: 0 });
  expect(results.map(({ weak, scale, score }) => [weak, scale, score])).toEqual([
    ['backwards', 3, 0],
    ['slow', 3, 2],
    ['backwards', 2, 2],
    ['slow', 2, 3],
    [undefined, 1, 4],
  ]);
  expect(seen.map(({ score }) => score)).toEqual([4, 3, 2, 2, 0]);
  expect(table.split('\n')).toEqual([
    '| weak model | λ = 1 | λ = 2 | λ = 3 |',
    '| --- | ---: | ---: | ---: |',
    '| slow | 4.000 | 3.000 | 2.000 |',
    '| backwards | 4.000 | 2.000 | 0.000 |',
  ]);
  expect(compiled).toBe(2);
});

test('a score that is not a number is the worst', async () => {
  const score = ({ data }: HostTensor): number => (data[0]! > 2 ? NaN : -data[0]!);
  const options = { strong, weak: { slow: weak.slow }, scales: [2, 3], runtime: referenceRuntime(), noise, times };
  const { results } = await rankWeakModels({ ...options, score });
  expect(results.map(({ scale }) => scale)).toEqual([2, 1, 3]);
});

test('refuses what cannot be tried', async () => {
  const options = { strong, weak, scales: [2], runtime: referenceRuntime(), noise, times, score: distanceFrom5 };
  await expect(rankWeakModels({ ...options, weak: {} })).rejects.toThrow(ConfigError);
  await expect(rankWeakModels({ ...options, scales: [] })).rejects.toThrow('got none');
  await expect(rankWeakModels({ ...options, scales: [2, NaN] })).rejects.toThrow('got NaN');
  const wide = mlp({ shape: [2], width: 4, depth: 1 });
  const other: Model = { kind: 'velocity', network: wide, params: wide.init(0), classes: [] };
  await expect(rankWeakModels({ ...options, weak: { other } })).rejects.toThrow('the shape of samples');
});

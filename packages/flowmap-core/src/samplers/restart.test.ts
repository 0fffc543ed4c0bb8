import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { ConfigError } from '../errors.js';
import { gaussianModels } from './__fixtures__/exact-models.js';
import { adamsBashforth } from './adams-bashforth.js';
import { compileSampler } from './compile-sampler.js';
import { dpmSolver } from './dpm-solver.js';
import { uniformGrid } from './grid.js';
import { heun } from './heun.js';
import { restart, restartGrid } from './restart.js';

const runtime = referenceRuntime();
const { field } = gaussianModels({ mean: 0.7, std: 0.5 });
const noise = hostTensor([5, 1], Float64Array.of(-1.6, -0.7, 0.1, 0.9, 2));

test('is the other sampler on a grid that descends', async () => {
  for (const sampler of [heun(), dpmSolver()]) {
    const [ours, theirs] = await Promise.all(
      [restart(sampler), sampler].map(async (each) => {
        const compiled = await compileSampler(runtime, field, { sampler: each, batchSize: 5 });
        return compiled.sample({ noise, times: uniformGrid(4), seed: 0 });
      }),
    );
    expect(ours).toEqual(theirs);
  }
});

test('a multistep method starts anew after noise', async () => {
  const sampled = async (times: number[], start = noise) => {
    const sampler = restart(adamsBashforth());
    const compiled = await compileSampler(runtime, field, { sampler, batchSize: 5 });
    return compiled.sample({ noise: start, times, seed: 0 });
  };
  const up = await sampled([1, 0.8, 0.5, 0.7]);
  const whole = await sampled([1, 0.8, 0.5, 0.7, 0.4, 0.2]);
  expect(whole).toEqual(await sampled([0.7, 0.4, 0.2], up));
});

test('grids go back as often as they are told', () => {
  const times = restartGrid([1, 0.5, 0.25, 0], { low: 0.25, high: 0.75, repeats: 2, steps: 2 });
  expect(times).toEqual(Float32Array.of(1, 0.5, 0.25, 0.75, 0.5, 0.25, 0.75, 0.5, 0.25, 0));
  expect(restartGrid(uniformGrid(10), { low: 0.3, high: 1 }).slice(7, 10)).toEqual(Float32Array.of(0.3, 1, 0.3));
  expect(restartGrid([1, 0], { low: 0, high: 0.5 })).toEqual(Float32Array.of(1, 0, 0.5, 0));
});

test('grids that cannot be are refused', () => {
  const refused = [
    [{ low: 0.3, high: 0.5 }, 'restartGrid.low: wanted one of the times 1, 0.5, 0; got 0.3'],
    [{ low: 0.5, high: 0.5 }, 'restartGrid.high: wanted a time above low = 0.5 and at most 1, got 0.5'],
    [{ low: 0.5, high: 1.1 }, 'restartGrid.high'],
    [{ low: 0.5, high: 1, repeats: 0 }, 'restartGrid.repeats: wanted a whole number >= 1'],
    [{ low: 0.5, high: 1, steps: 1.5 }, 'restartGrid.steps: wanted a whole number >= 1'],
  ] as const;
  for (const [options, message] of refused) {
    const make = () => restartGrid([1, 0.5, 0], options);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  }
  expect(() => restart({} as never)).toThrow('wanted a sampler');
});

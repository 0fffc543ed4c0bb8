import { referenceRuntime } from '@flowmap/runtime-reference';
import { full } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { gaussianFlowMap, gaussianVelocity } from '../closed-forms.js';
import { ConfigError } from '../errors.js';
import type { Model } from '../models/model.js';
import { defineNetwork } from '../networks/network.js';
import { perSample } from '../path.js';
import type { FlowMap, Network } from '../plugins.js';
import { exactModel } from '../testing/exact-network.js';
import { gaussianModels, mapModel } from './__fixtures__/exact-models.js';
import { endpointScore } from './endpoint-score.js';
import { shiftedGrid, uniformGrid } from './grid.js';
import { heun } from './heun.js';
import { searchGrid } from './search-grid.js';

const runtime = referenceRuntime();
const law = { std: 0.5 };

/**
 * The exact map with an error: `f* exp(0.1 (t² - s²)²)`. In N steps the point ends too far out by the factor
 * `exp(0.1 sum (t_i² - t_(i+1)²)²)`, which is least where the squares of the times are equally spaced:
 * `t_i = sqrt(1 - i / N)`.
 */
function erringMap(): FlowMap {
  const exact = gaussianFlowMap(law);
  const map: FlowMap = {
    averageVelocity: (x, t, s) =>
      map
        .map(x, t, s)
        .sub(x)
        .div(perSample(s.sub(t), x)),
    map: (x, t, s) => exact.map(x, t, s).mul(perSample(t.square().sub(s.square()).square().mul(0.1).exp(), x)),
    under: () => map,
  };
  return map;
}

describe('a searched grid', () => {
  test('is the one that is known to be best', async () => {
    const student = mapModel(erringMap());
    const teacher = gaussianModels(law).field;
    const score = await endpointScore(runtime, student, { teacher, count: 16, seed: 0, referenceSteps: 256 });
    for (const steps of [2, 4]) {
      const found = await searchGrid({ steps, score, resolution: 1e-3, evaluations: 400 });
      const wanted = Array.from({ length: steps + 1 }, (_, i) => Math.sqrt(1 - i / steps));
      for (const [i, time] of found.times.entries()) expect(Math.abs(time - wanted[i]!)).toBeLessThan(5e-3);
      expect(found.converged).toBe(true);
      expect(found.startScore).toBe(await score(uniformGrid(steps)));
      expect(found.score).toBe(await score(found.times));
      // The relative error is 0.1 / N at the best grid.
      const best = Math.expm1(0.1 / steps) * law.std;
      expect(found.score / best).toBeGreaterThan(0.5);
      expect(found.score).toBeLessThan(0.9 * found.startScore);
    }
    await score.dispose();
  });

  test('keeps the ends of the one it begins with, and its budget', async () => {
    let scored = 0;
    const score = (times: Float32Array): number => {
      scored++;
      return Math.abs(times[1]! - 0.31);
    };
    const options = { steps: 2, score, start: [0.9, 0.5, 0.1] };
    const found = await searchGrid({ ...options, resolution: 1e-4 });
    expect([found.times[0], found.times[2]]).toEqual([Math.fround(0.9), Math.fround(0.1)]);
    expect(Math.abs(found.times[1]! - 0.31)).toBeLessThan(2e-4);
    expect(found.evaluations).toBe(scored);
    const short = await searchGrid({ ...options, resolution: 1e-4, evaluations: 3 });
    expect(short).toMatchObject({ evaluations: 3, converged: false });
    expect(short.score).toBeLessThanOrEqual(short.startScore);
  });

  test('never crosses times', async () => {
    const found = await searchGrid({
      steps: 4,
      score(times) {
        expect(times.every((time, i) => i === 0 || time < times[i - 1]!)).toBe(true);
        return -times[1]! - times[2]! - times[3]!;
      },
    });
    expect(found.times[3]).toBeGreaterThan(0.8);
  });

  test('of many steps moves too, by less than their distance', async () => {
    const score = (times: Float32Array): number => Math.abs(times[1]! - 0.98);
    const found = await searchGrid({ steps: 64, score });
    expect(found.score).toBeLessThan(found.startScore);
  });

  test('of what cannot be searched is refused', async () => {
    const score = () => 1;
    const refused = [
      [{ steps: 1, score }, 'searchGrid.steps: wanted a whole number >= 2'],
      [{ steps: 2, score, start: [1, 0] }, 'searchGrid.start: wanted 3 descending times in [0, 1], got 1, 0'],
      [{ steps: 2, score, start: [0, 0.5, 1] }, 'searchGrid.start'],
      [{ steps: 2, score, resolution: 0 }, 'searchGrid.resolution: wanted a number > 0'],
      [{ steps: 2, score, evaluations: 0 }, 'searchGrid.evaluations'],
      [{ steps: 2, score: () => NaN }, 'searchGrid.score: wanted a number for the grid 1, 0.5, 0; got NaN'],
    ] as const;
    for (const [options, message] of refused) {
      await expect(searchGrid(options)).rejects.toBeInstanceOf(ConfigError);
      await expect(searchGrid(options)).rejects.toThrow(message);
    }
  });
});

test('the endpoint score of a fine solver is about 0, and of the exact map what the solver errs by', async () => {
  const { map, field } = gaussianModels(law);
  const own = await endpointScore(runtime, field, { sampler: heun(), referenceSteps: 32, count: 8, seed: 1 });
  expect(await own(uniformGrid(32))).toBe(0);
  expect(await own(uniformGrid(4))).toBeGreaterThan(1e-4);
  const exact = await endpointScore(runtime, map, { teacher: field, count: 8, seed: 1, batchSize: 3 });
  expect(await exact([1, 0])).toBeLessThan(2e-4);
});

test('the endpoint score compares like with like', async () => {
  // A scale w of guidance moves the mean to w; the teacher that is told none has the mean 1.
  const shifted = (interval: boolean, isTold: boolean): Model => {
    const conditions = isTold ? { guidance: { shape: [], dtype: 'float32' as const } } : {};
    const apply: Network['apply'] = (_, { x, t, conditions: told }) => {
      const mean = isTold ? perSample(told!['guidance']!, x) : full(1);
      const centred = x.sub(full(1).sub(perSample(t, x)).mul(mean));
      return gaussianVelocity({ std: law.std }).velocity({}, { x: centred, t }).sub(mean);
    };
    const network = defineNetwork({ type: 'guided', shape: [1], interval }, {}, apply, { conditions });
    return { kind: interval ? 'flowMap' : 'velocity', network, params: {}, classes: [] };
  };
  const [student, guided, plain] = [shifted(true, true), shifted(false, true), shifted(false, false)];
  const scoreOf = async (teacher: Model, guidance: number): Promise<number> => {
    const options = { teacher, guidance, sampler: heun(), referenceSteps: 32, count: 4, seed: 1 };
    return (await endpointScore(runtime, student, options))(uniformGrid(32));
  };
  expect(await scoreOf(guided, 3)).toBe(0);
  expect(await scoreOf(plain, 1)).toBeLessThan(1e-12);
  await expect(scoreOf(plain, 3)).rejects.toBeInstanceOf(ConfigError);
  await expect(scoreOf(plain, 3)).rejects.toThrow('endpointScore.teacher: is not told the scale of guidance, 3: give');
  const labelled = endpointScore(runtime, exactModel(true), { teacher: plain, labels: ['here'], count: 1, seed: 0 });
  await expect(labelled).rejects.toThrow('endpointScore.teacher: takes no label');
});

describe('shifted grids', () => {
  test('multiply the ratio of noise to data, and keep the ends', () => {
    expect(shiftedGrid(2, 3)).toEqual(Float32Array.of(1, 0.75, 0));
    expect(shiftedGrid(5, 1)).toEqual(uniformGrid(5));
    const [times, even] = [shiftedGrid(8, 2.5), uniformGrid(8)];
    for (let i = 1; i < 8; i++) {
      expect(times[i]! / (1 - times[i]!)).toBeCloseTo((2.5 * even[i]!) / (1 - even[i]!), 4);
    }
    for (const shift of [0, -1, NaN, Infinity])
      expect(() => shiftedGrid(2, shift)).toThrow('shift: wanted a number > 0');
    expect(() => shiftedGrid(2, '3' as never)).toThrow('shift: wanted a number > 0, got "3"');
    expect(() => shiftedGrid(0, 1)).toThrow('steps');
  });
});

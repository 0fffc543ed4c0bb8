import { compileSampler, ConfigError, loader, mlp, uniformGrid, type Callback, type Model } from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, normalBatch, type HostTensor } from '@flowmap/tensor';
import { logging, memoryStore, objectivePhase, train, trainee, type TrainingOptions } from '@flowmap/train';
import { describe, expect, test } from 'vitest';
import { features } from '../features.js';
import { slicedWasserstein } from '../metrics/sliced-wasserstein.js';
import { evaluation, type EvaluationOptions } from './evaluation.js';

const data = gaussianMixture({ weights: [1], means: [[2, -1]], stds: [0.5], classes: [] });
const network = mlp({ shape: [2], width: 16, depth: 1 });
const model: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
const count = 200;
const held = features(
  hostTensor([count, 2], (await data.batch(Array.from({ length: count }, (_, i) => 1_000_000 + i))).x),
);
const noise = hostTensor([count, 2], normalBatch({ seed: 1, purpose: 'noise' }, [count, 2]));
const distance = (samples: HostTensor): number => slicedWasserstein(features(samples), held).value;

const settings: EvaluationOptions = {
  name: 'distance',
  every: 20,
  average: 'ema',
  steps: [1, 4],
  batchSize: count,
  noise,
  metric: distance,
};

function options(more: Partial<TrainingOptions>): TrainingOptions {
  return {
    runtime: referenceRuntime(),
    trainees: { student: trainee({ model, learningRate: 1e-2 }) },
    phases: [objectivePhase({ network, objective: flowMatching(), batchSize: 64, seed: 0 })],
    batches: loader(data, { batchSize: 64, seed: 0 }),
    iterations: 60,
    ...more,
  };
}

describe('evaluation', () => {
  test('adds the distances of the average to the record, and they fall', async () => {
    const training = await train(options({ callbacks: [evaluation(settings), logging(20)] }));
    const logged = training.records.filter(({ step }) => step % 20 === 0);
    expect(logged).toHaveLength(3);
    expect(logged[2]!['distance.4']).toBeLessThan(0.75 * logged[0]!['distance.4']!);

    const sampler = await compileSampler(referenceRuntime(), training.model({ average: 'ema' }), { batchSize: count });
    const samples = await sampler.sample({ noise, times: uniformGrid(4) });
    expect(logged[2]!['distance.4']).toBeCloseTo(distance(samples), 6);
  });

  describe('that keeps the best model', () => {
    /** An evaluation that returns given values, and the samples it received. */
    function scripted(values: readonly number[]): { callback: Callback; seen: HostTensor[] } {
      const seen: HostTensor[] = [];
      const metric = (samples: HostTensor): number => {
        seen.push(samples);
        return values[seen.length - 1]!;
      };
      const keepBest = { name: 'best', steps: 4 };
      return { callback: evaluation({ ...settings, steps: [4], metric, keepBest }), seen };
    }

    async function expectSamples(kept: Model, wanted: HostTensor): Promise<void> {
      const sampler = await compileSampler(referenceRuntime(), kept, { batchSize: count });
      const { data: samples } = await sampler.sample({ noise, times: uniformGrid(4) });
      samples.forEach((value, i) => expect(value).toBeCloseTo(wanted.data[i]!, 5)); // kept in float32
    }

    test('keeps it whatever comes after', async () => {
      const store = memoryStore();
      const { callback, seen } = scripted([3, 1, 2]);
      await train(options({ store, callbacks: [callback, logging(20)] }));
      await expectSamples(store.kept.get('best')!, seen[1]!);
    });

    test('knows from the log what was best before an interruption', async () => {
      const first = memoryStore();
      const stop = new AbortController();
      const halt: Callback = { name: 'halt', every: 40, run: () => stop.abort() };
      const callbacks = [scripted([3, 1]).callback, logging(20)];
      await train(options({ store: first, signal: stop.signal, callbacks: [...callbacks, halt] }));
      expect(first.kept.has('best')).toBe(true);
      const second = memoryStore(first);
      await train(options({ store: second, callbacks: [scripted([2]).callback, logging(20)] }));
      // Not kept anew: 2 is worse than the 1 in the log.
      expect(second.kept.get('best')).toBe(first.kept.get('best'));
    });
  });

  test.each([
    ['no steps', { steps: [] }],
    ['half a step', { steps: [0.5] }],
    ['an interval of 0', { every: 0 }],
    ['the best at steps that are not measured', { keepBest: { name: 'best', steps: 2 } }],
  ])('refuses %s', (_, wrong) => {
    expect(() => evaluation({ ...settings, ...wrong })).toThrow(ConfigError);
  });

  test('refuses a metric that is NaN', async () => {
    const callbacks = [evaluation({ ...settings, metric: () => NaN }), logging(20)];
    await expect(train(options({ callbacks }))).rejects.toThrow('wanted a finite number at 1 steps, got NaN');
  });
});

import { ConfigError, loader, mlp, type Callback, type Model } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import { objectivePhase } from '../objective-phase.js';
import { memoryStore, type RunStore } from '../run-store.js';
import { constantSchedule } from '../schedules.js';
import { train } from '../train.js';
import { trainee } from '../trainee.js';
import { checkpoints } from './checkpoints.js';

const network = mlp({ shape: [2], width: 4, depth: 1 });
const model: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };

/** The steps of the checkpoints of a training whose steps take a minute each, and the weights at its end. */
async function saved(callback: Callback, clock: { minutes: number }): Promise<{ steps: number[]; result: Model }> {
  const memory = memoryStore();
  const steps: number[] = [];
  const store: RunStore = {
    ...memory,
    save(checkpoint) {
      steps.push(checkpoint.step);
      return memory.save(checkpoint);
    },
  };
  const passing: Callback = {
    name: 'time',
    every: 1,
    run() {
      clock.minutes++;
    },
  };
  const training = await train({
    runtime: referenceRuntime(),
    trainees: { student: trainee({ model, learningRate: constantSchedule(1e-3), averages: {} }) },
    phases: [objectivePhase({ network, objective: flowMatching(), batchSize: 4, seed: 0 })],
    batches: loader(checkerboard(), { batchSize: 4, seed: 0 }),
    iterations: 40,
    store,
    callbacks: [passing, callback],
  });
  return { steps, result: training.model() };
}

test('checkpoints are saved every n steps, and ten minutes after the last, which has no effect on the result', async () => {
  const time = { minutes: 100 };
  const clock = (): number => 60 * time.minutes;
  const byBoth = await saved(checkpoints(16, { clock }), time);
  expect(byBoth.steps).toEqual([10, 16, 26, 32, 40]);
  const other = checkpoints(1000, { clock, seconds: 15 * 60 });
  time.minutes += 1000; // before the training starts
  expect((await saved(other, time)).steps).toEqual([15, 30, 40]);
  const byStep = await saved(checkpoints(16, { clock, seconds: Infinity }), time);
  expect(byStep.steps).toEqual([16, 32, 40]);
  expect(byStep.result.params).toEqual(byBoth.result.params);
});

test('settings that are impossible are refused', () => {
  for (const seconds of [0, -1, NaN]) expect(() => checkpoints(1, { seconds })).toThrow(ConfigError);
});

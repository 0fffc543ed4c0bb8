import { ConfigError, loader, mlp, type Callback, type Model } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test } from 'vitest';
import { halflifeEma, powerEma } from '../ema.js';
import { objectivePhase } from '../objective-phase.js';
import { reconstructAverage } from '../reconstruct-average.js';
import { memoryStore, type MemoryStore } from '../run-store.js';
import { constantSchedule } from '../schedules.js';
import { snapshotsIn } from '../snapshots.js';
import { train } from '../train.js';
import type { TrainingOptions } from '../training-options.js';
import { trainee } from '../trainee.js';
import { checkpoints } from './checkpoints.js';
import { snapshots } from './snapshots.js';

const data = checkerboard();
const network = mlp({ shape: [2], width: 8, depth: 1 });
const model: Model = { kind: 'velocity', network, params: network.init(0), classes: [], training: { by: 'hand' } };
const averages = { narrow: powerEma(0.05), wide: powerEma(0.1), between: powerEma(0.07), half: halflifeEma(10) };
const batchSize = 16;

function options(more: Partial<TrainingOptions>): TrainingOptions {
  return {
    runtime: referenceRuntime(),
    trainees: { student: trainee({ model, learningRate: constantSchedule(3e-3), averages }) },
    phases: [objectivePhase({ network, objective: flowMatching(), batchSize, seed: 0 })],
    batches: loader(data, { batchSize, seed: 0 }),
    iterations: 10,
    ...more,
  };
}

/** The largest difference between two models' parameters. */
function distance(a: Model, b: Model): number {
  const all = Object.keys(a.params).flatMap((name) =>
    Array.from(a.params[name]!.data, (value, i) => Math.abs(value - b.params[name]!.data[i]!)),
  );
  return Math.max(...all);
}

test('an average of a width between two that had snapshots is the one that was tracked', async () => {
  const store = memoryStore();
  const callbacks = [snapshots({ every: 20, averages: ['narrow', 'wide'] })];
  const training = await train(options({ iterations: 320, store, callbacks }));
  const all = snapshotsIn(store.kept);
  expect(all).toHaveLength(32);
  const { model: made, residual } = await reconstructAverage({ snapshots: all, width: 0.07 });
  const tracked = training.model({ average: 'between' });
  expect(made.network).toBe(network);
  expect(made.training).toEqual({ by: 'hand', step: 320, averageWidth: 0.07 });
  expect(residual).toBeLessThan(0.005);
  // The two averages on either side are this far from it, and the weights themselves farther still: a factor of 30 is
  // the margin.
  const nearest = Math.min(...['narrow', 'wide'].map((average) => distance(training.model({ average }), tracked)));
  expect(distance(made, tracked)).toBeLessThan(nearest / 30);
  expect(distance(made, tracked)).toBeLessThan(5e-4);
});

test('snapshots say what they are of, every n-th step and the last, and are models', async () => {
  const store = memoryStore();
  const training = await train(options({ store, callbacks: [snapshots({ every: 4, averages: ['wide'] })] }));
  expect([...store.kept.keys()]).toEqual([
    'snapshot.student.wide.0000004',
    'snapshot.student.wide.0000008',
    'snapshot.student.wide.0000010',
  ]);
  const [, , last] = snapshotsIn(store.kept);
  expect(last).toMatchObject({ trainee: 'student', average: 'wide', step: 10, width: 0.1 });
  expect(store.kept.get('snapshot.student.wide.0000010')!.params).toEqual(training.model({ average: 'wide' }).params);
});

test('where one run of the program takes several steps, the step is that of the weights', async () => {
  const one = memoryStore();
  const three = memoryStore();
  const callbacks = [snapshots({ every: 2, averages: ['wide'] })];
  await train(options({ store: one, callbacks: [snapshots({ every: 1, averages: ['wide'] })], iterations: 8 }));
  await train(options({ store: three, callbacks, iterations: 8, stepsPerRun: 3 }));
  expect(snapshotsIn(three.kept).map(({ step }) => step)).toEqual([3, 6, 8]);
  for (const [name, { params }] of three.kept) {
    for (const [parameter, { data }] of Object.entries(params)) {
      data.forEach((value, i) => expect(value).toBeCloseTo(one.kept.get(name)!.params[parameter]!.data[i]!, 12));
    }
  }
});

test('an interrupted run ends with the same snapshots', async () => {
  const callbacks = [snapshots({ every: 2 }), checkpoints(3)];
  const whole = memoryStore();
  await train(options({ store: whole, callbacks }));
  expect(whole.kept.size).toBe(15);
  const broken: Callback = { name: 'broken', every: 8, run: () => Promise.reject(new Error('no power')) };
  const first: MemoryStore = memoryStore();
  await expect(train(options({ store: first, callbacks: [...callbacks, broken] }))).rejects.toThrow('no power');
  expect(first.latest!.step).toBe(6);
  const second = memoryStore(first);
  expect(snapshotsIn(second.kept).map(({ step }) => step)).toEqual([2, 4, 6, 2, 4, 6, 2, 4, 6]);
  await train(options({ store: second, callbacks }));
  expect(new Map([...second.kept].sort())).toEqual(new Map([...whole.kept].sort()));
});

test('averages that there are not, or that have no profile, are refused before the first step', async () => {
  const fails = (callback: Callback, more: Partial<TrainingOptions> = {}): Promise<unknown> =>
    train(options({ callbacks: [callback], ...more })).catch((thrown: unknown) => thrown);
  const known = 'those by powerEma are: narrow, wide, between';
  for (const [average, fault] of [
    ['slow', "there is no average 'slow'"],
    ['half', "'half' has no power-function profile"],
  ]) {
    const error = await fails(snapshots({ every: 1, averages: [average!] }));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain(fault);
    expect((error as Error).message).toContain(known);
  }
  expect(await fails(snapshots({ every: 1, trainee: 'critic' }))).toBeInstanceOf(ConfigError);
  const student = trainee({ model, learningRate: 1e-3, averages: { ema: constantSchedule(0.9) } });
  expect(await fails(snapshots({ every: 1 }), { trainees: { student } })).toBeInstanceOf(ConfigError);
  expect(() => snapshots({ every: 0 })).toThrow(ConfigError);
});

import { gaussianMixture } from '@flowmap/data';
import { loader } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import type { Runtime } from '@flowmap/tensor';
import { checkpoints, memoryStore, ScheduleError, train, type TrainingOptions } from '@flowmap/train';
import { expect, test } from 'vitest';
import { batches, batchSize, discriminator, objective, student, toyTrainees } from './__fixtures__/toy.js';
import { adversarialGuard } from './adversarial-guard.js';
import { AdversarialStopError } from './errors.js';
import { finetune, type FinetuneOptions } from './finetune.js';

const common = { student, objective, discriminator, seed: 0 };
const logAll = { name: 'log', every: 1, run: (moment: { log(): Promise<void> }) => moment.log() };

const training = (runtime: Runtime, more: Partial<FinetuneOptions> = {}): TrainingOptions => ({
  runtime,
  trainees: toyTrainees(),
  phases: finetune({ ...common, ...more }),
  batches: batches(),
  iterations: 8,
});

/** Records without their timings. */
const numbers = (records: readonly Record<string, number>[]): Record<string, number>[] =>
  records.map(({ seconds: _, imagesPerSecond: __, ...rest }) => rest);

test.each([
  ['onnx', () => onnxRuntime({ device: 'cpu', threads: 1 }), {}],
  [
    'reference',
    () => Promise.resolve(referenceRuntime()),
    { steps: { from: 1, to: 2 }, penalty: { every: 3, method: 'differences' } },
  ],
] as const)('a finetuning on %s that is killed goes on to the same bits', async (_, open, more) => {
  const options = training(await open(), more);
  const callbacks = [adversarialGuard({ every: 3 }), logAll];
  const whole = memoryStore();
  await train({ ...options, callbacks, store: whole });
  const killed = memoryStore();
  const kill = {
    name: 'kill',
    every: 1,
    run: ({ step }: { step: number }) => {
      if (step === 5) throw new Error('killed');
    },
  };
  await expect(train({ ...options, callbacks: [...callbacks, kill], store: killed })).rejects.toThrow('killed');
  expect(killed.latest!.step).toBe(3);
  const resumed = memoryStore(killed);
  await train({ ...options, callbacks, store: resumed });
  expect(resumed.latest!.state).toEqual(whole.latest!.state);
  expect(numbers(resumed.records)).toEqual(numbers(whole.records));
});

test('everything that shows a collapse is in the records', async () => {
  const store = memoryStore();
  await train({ ...training(referenceRuntime()), iterations: 1, callbacks: [logAll], store });
  const of = (phase: string): string[] =>
    Object.keys(store.records[0]!).flatMap((name) => (name.startsWith(phase) ? [name.slice(phase.length)] : []));
  for (const name of ['real', 'fake', 'gap', 'accuracy', 'r1', 'r2', 'adversarial', 'penaltyWeight']) {
    expect(of('discriminator.')).toContain(name);
  }
  const generator =
    'adversarial balance objectiveGradient adversarialGradient diversity realDiversity tangentNorm weight';
  for (const name of generator.split(' ')) expect(of('generator.')).toContain(name);
});

test('a discriminator that wins stops the training, with the last good checkpoint kept', async () => {
  // Data far from anything that the generator makes; the generator does not learn.
  const far = gaussianMixture({ weights: [1], means: [[3, 3]], stds: [0.1], classes: [] });
  const store = memoryStore();
  const run = train({
    ...training(referenceRuntime(), { penalty: false }),
    trainees: toyTrainees({ student: 0, discriminator: 0.02 }),
    batches: loader(far, { batchSize, seed: 0 }),
    iterations: 200,
    callbacks: [adversarialGuard({ every: 2, patience: 2 })],
    store,
  });
  const error = (await run.catch((error: unknown) => error)) as AdversarialStopError;
  expect(error).toBeInstanceOf(AdversarialStopError);
  expect(error.reason).toBe('discriminator won');
  expect(error.soundStep).toBe(error.step - 4);
  expect(store.latest!.step).toBe(error.soundStep);
  expect(error.message).toContain('A larger penalty');
});

test('a generator that collapses stops it too, unless it is let be', async () => {
  // Data that varies much more than what the generator makes.
  const wide = gaussianMixture({ weights: [1], means: [[0, 0]], stds: [30], classes: [] });
  const run = (leastDiversity: number) =>
    train({
      ...training(referenceRuntime()),
      trainees: toyTrainees({ student: 0, discriminator: 0 }),
      batches: loader(wide, { batchSize, seed: 0 }),
      iterations: 4,
      callbacks: [adversarialGuard({ every: 2, patience: 2, leastLoss: 0, leastDiversity })],
    });
  await expect(run(0.3)).rejects.toMatchObject({ reason: 'generator collapsed', step: 4, soundStep: undefined });
  expect(await run(0)).toMatchObject({ completed: true });
});

test('a weight of the penalty that is not finite stops it with its name', async () => {
  const store = memoryStore();
  const weight = ({ step }: { step: number }): number => (step < 4 ? 0.1 : Infinity);
  const run = train({
    ...training(referenceRuntime(), { penalty: { weight } }),
    callbacks: [adversarialGuard({ every: 1 }), checkpoints(1)],
    store,
  });
  await expect(run).rejects.toBeInstanceOf(ScheduleError);
  await expect(run).rejects.toThrow(
    'the schedule of penaltyWeight: wanted a finite number at every step, got Infinity at step 5',
  );
  expect(store.latest!.step).toBe(4);
});

test('numbers out of their range are refused', () => {
  expect(() => adversarialGuard({ every: 0 })).toThrow('every');
  expect(() => adversarialGuard({ every: 1, leastDiversity: 2 })).toThrow('from 0 to 1');
});

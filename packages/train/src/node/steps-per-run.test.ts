import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, mlp } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import type { Feeds, Runtime } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NonFiniteError } from '../errors.js';
import type { TrainResult, TrainVelocityFieldOptions } from './options.js';
import { trainVelocityField } from './train.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-steps-'))));
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

const training = (runtime: Runtime, more: Partial<TrainVelocityFieldOptions> = {}): TrainVelocityFieldOptions => ({
  runtime,
  data: checkerboard(),
  network: mlp({ shape: [2], width: 8, depth: 1 }),
  objective: flowMatching(),
  iterations: 14,
  batchSize: 8,
  seed: 3,
  checkpointEvery: 5,
  logEvery: 1,
  progress: 'none',
  out: fresh(),
  ...more,
});

/** A record without its timings. */
const numbers = ({ log }: TrainResult): Record<string, number>[] =>
  log.map(({ seconds: _, imagesPerSecond: __, ...rest }) => rest);

/** A runtime that records how many steps its programs take per run. */
function watched(runtime: Runtime, runs: number[]): Runtime {
  return {
    ...runtime,
    async compile(program, options) {
      const executable = await runtime.compile(program, options);
      const run = executable.run.bind(executable);
      // The executable itself, so that others can share with it.
      return Object.assign(executable, {
        run: (feeds: Feeds) => {
          runs.push(options?.stepsPerRun ?? 1);
          return run(feeds);
        },
      });
    },
  };
}

describe.each([
  ['runtime-reference', (): Promise<Runtime> => Promise.resolve(referenceRuntime())],
  ['runtime-onnx', (): Promise<Runtime> => onnxRuntime({ device: 'cpu', threads: 1 })],
])('several steps per run on %s', (_, open) => {
  test('give the same run to the bit, whatever remains at its end', async () => {
    const runtime = await open();
    const single = await trainVelocityField(training(runtime));
    const runs: number[] = [];
    const several = await trainVelocityField(training(watched(runtime, runs), { stepsPerRun: 4 }));
    expect(runs).toEqual([4, 4, 4, 2]);
    expect(several.model.params).toEqual(single.model.params);
    expect(numbers(several)).toEqual(numbers(single));
    expect(several.log.map(({ step }) => step)).toEqual(Array.from({ length: 14 }, (_, i) => i + 1));
    expect(several.log.every(({ imagesPerSecond }) => Number.isFinite(imagesPerSecond))).toBe(true);
  });

  test('stop at the end of a run, and are resumed to the same bits', async () => {
    const runtime = await open();
    const whole = await trainVelocityField(training(runtime, { stepsPerRun: 4 }));
    const out = fresh();
    const controller = new AbortController();
    const stop = ({ step }: { step: number }): void => {
      if (step === 6) controller.abort();
    };
    const { signal } = controller;
    const partial = await trainVelocityField(training(runtime, { out, stepsPerRun: 4, signal, onLog: stop }));
    expect(partial).toMatchObject({ completed: false, step: 8 });
    const resumed = await trainVelocityField(training(runtime, { out, stepsPerRun: 4 }));
    expect(resumed).toMatchObject({ completed: true, step: 14 });
    expect(resumed.model.params).toEqual(whole.model.params);
    expect(numbers(resumed)).toEqual(numbers(whole));
  });
});

test('a checkpoint is made at the end of the run in which it falls due', async () => {
  const { folder } = await trainVelocityField(training(referenceRuntime(), { stepsPerRun: 4, logEvery: 5 }));
  // Due after 5 and 10 steps, and at the end.
  expect((await readdir(join(folder, 'checkpoints'))).sort()).toEqual(['0000012', '0000014']);
  const steps = (await readFile(join(folder, 'log.jsonl'), 'utf8')).matchAll(/"step":(\d+)/g);
  expect([...steps].map(([, step]) => Number(step))).toEqual([1, 5, 10, 14]);
});

test('more steps per run than there are is one run', async () => {
  const runs: number[] = [];
  await trainVelocityField(training(watched(referenceRuntime(), runs), { stepsPerRun: 100 }));
  expect(runs).toEqual([14]);
});

test('what is not finite is found at its step within a run', async () => {
  const learningRate = ({ step }: { step: number }): number => (step === 4 ? 1e300 : 1e-3);
  const dying = trainVelocityField(training(referenceRuntime(), { learningRate, stepsPerRun: 4, checkpointEvery: 4 }));
  const error = await dying.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NonFiniteError);
  // The fifth step's update overflows, so the sixth step's loss is the first that is not finite.
  expect(error).toMatchObject({ step: 6, checkpoint: expect.stringMatching(/0000004$/) as string });
});

test('a number of steps that there cannot be is refused', async () => {
  await expect(trainVelocityField(training(referenceRuntime(), { stepsPerRun: 0 }))).rejects.toThrow(ConfigError);
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlp, type Dataset, type Objective, type Schedule } from '@flowmap/core';
import { eightGaussians, imageDataset, spirals, subset, withFlips } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RunMismatchError } from '../errors.js';
import { cosineSchedule } from '../schedules.js';
import { examine } from './fingerprint.js';
import type { TrainVelocityFieldOptions } from './options.js';
import { scheduleMeans } from './schedule-means.js';
import { trainVelocityField } from './train.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-identity-'))));
afterAll(async () => rm(scratch, { recursive: true }));

const network = mlp({ shape: [2], width: 4, depth: 1 });
const iterations = 64;
const training = (out: string, more: Partial<TrainVelocityFieldOptions> = {}): TrainVelocityFieldOptions => ({
  runtime: referenceRuntime(),
  data: eightGaussians(),
  network,
  objective: flowMatching(),
  out,
  iterations,
  batchSize: 2,
  seed: 0,
  logEvery: 1,
  progress: 'none',
  ...more,
});

/** What is reported when a run that was stopped after its first step is continued with some options changed. */
async function goingOn(
  started: Partial<TrainVelocityFieldOptions>,
  changed: Partial<TrainVelocityFieldOptions>,
): Promise<unknown> {
  const out = join(scratch, String(count++));
  const stop = new AbortController();
  await trainVelocityField(training(out, { ...started, signal: stop.signal, onLog: () => stop.abort() }));
  const error = await trainVelocityField(training(out, { ...started, ...changed })).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RunMismatchError);
  return (error as RunMismatchError).differences;
}

const fingerprint = [expect.stringMatching(/^data\.fingerprint: "[0-9a-f]{64}" there, "[0-9a-f]{64}" now$/)];

describe('a run does not go on', () => {
  test('with toy data of another seed or other settings', async () => {
    expect(await goingOn({}, { data: eightGaussians({ seed: 1 }) })).toEqual(fingerprint);
    const data = spirals({ arms: 2 });
    expect(await goingOn({ data }, { data: spirals({ arms: 2, noise: 0.07 }) })).toEqual(fingerprint);
  });

  test('with another length, told as that alone', async () => {
    expect(await goingOn({}, { iterations: 60 })).toEqual(['iterations: 64 there, 60 now']);
  });

  test('with a learning rate that differs at one step between those that are recorded', async () => {
    const learningRate: Schedule = (progress) => cosineSchedule(1e-3)(progress) * (progress.step === 20 ? 1.01 : 1);
    expect(await goingOn({}, { learningRate })).toEqual([
      expect.stringMatching(/^schedules.learningRate.steps 17 to 24: 0.0008\d+ there, 0.0008\d+ now$/),
    ]);
  });

  test('with another schedule of the objective', async () => {
    const objective = (weight: Schedule): Objective => ({ ...flowMatching(), schedules: { weight } });
    expect(
      await goingOn(
        { objective: objective(() => 1), iterations: 8 },
        { objective: objective(({ step }) => (step === 6 ? 2 : 1)), iterations: 8 },
      ),
    ).toEqual(['schedules.objective.weight.steps 7 to 7: 1 there, 2 now']);
  });
});

test('a run that recorded neither goes on', async () => {
  const out = join(scratch, 'before');
  const stop = new AbortController();
  await trainVelocityField(training(out, { signal: stop.signal, onLog: () => stop.abort() }));
  const path = join(out, 'config.json');
  const config = JSON.parse(await readFile(path, 'utf8')) as { run: { schedules?: unknown; data: object } };
  Reflect.deleteProperty(config.run, 'schedules');
  Reflect.deleteProperty(config.run.data, 'fingerprint');
  await writeFile(path, JSON.stringify(config));
  expect(await trainVelocityField(training(out))).toMatchObject({ folder: out, completed: true });
});

describe('the fingerprint of data', () => {
  const pixels = Uint8Array.from({ length: 1000 * 4 }, (_, i) => (i * 7) % 256);
  const images = (change: (copy: Uint8Array) => void = () => undefined, labels?: number[]): Dataset => {
    const copy = pixels.slice();
    change(copy);
    const classes = labels ? { labels, classes: ['a', 'b'] } : {};
    return imageDataset({ name: 'images', pixels: copy, shape: [1, 2, 2], ...classes });
  };

  const fingerprintOf = async (data: Dataset): Promise<string> => (await examine(data)).fingerprint;

  test('is the same for the same samples, and in runs of before', async () => {
    expect(await fingerprintOf(images())).toBe(await fingerprintOf(images()));
    expect(await fingerprintOf(images((copy) => copy.forEach((_, i) => (copy[i] = i % 251))))).toBe(
      '07bae77f64988f48e872f968bf2a82f445032de256203f1a5417209ba4437a85',
    );
  });

  test('is another for one other pixel, label, subset or view', async () => {
    const labels = Array.from({ length: 1000 }, () => 0);
    const all = await Promise.all(
      [
        images(),
        images((copy) => (copy[4 * 333 + 1]! ^= 1)), // it is not among the samples that are compared
        images(undefined, labels),
        images(undefined, labels.with(333, 1)),
        subset(images(), [0, 1, 2]),
        subset(images(), [0, 1, 3]),
        withFlips(images()),
      ].map(fingerprintOf),
    );
    expect(new Set(all).size).toBe(all.length);
  });

  test('is another for other samples among 256 of data that has none of its own', async () => {
    const [data, other] = [images(), images((copy) => copy.fill(1, 4 * 500))];
    for (const bare of [data, other]) Reflect.deleteProperty(bare, 'fingerprint');
    expect(await fingerprintOf(data)).not.toBe(await fingerprintOf(other));
    expect(await fingerprintOf(data)).not.toBe(await fingerprintOf(images()));
  });
});

test('means of a schedule: of each part, another when two values change places, in words when they are not finite', () => {
  expect(scheduleMeans(() => 3, 3)).toEqual({ 'steps 1 to 1': 3, 'steps 2 to 2': 3, 'steps 3 to 3': 3 });
  const rising = scheduleMeans(({ step }) => step, 16);
  const swapped = scheduleMeans(({ step }) => (step < 2 ? 1 - step : step), 16);
  expect(Object.keys(rising).filter((part) => rising[part] !== swapped[part])).toEqual(['steps 1 to 2']);
  expect(scheduleMeans(() => Infinity, 1)).toEqual({ 'steps 1 to 1': 'Infinity' });
});

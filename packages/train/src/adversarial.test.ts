import { loader } from '@flowmap/core';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { normals, type Runtime } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { batchSize, data, discriminatorPhase, generatorPhase, trainees } from './__fixtures__/gan.js';
import { memoryStore } from './run-store.js';
import { train } from './train.js';
import type { TrainingOptions } from './training-options.js';

const options = (runtime: Runtime, more: Partial<TrainingOptions> = {}): TrainingOptions => ({
  runtime,
  trainees,
  phases: [discriminatorPhase, generatorPhase],
  batches: loader(data, { batchSize, seed: 0 }),
  iterations: 8,
  callbacks: [{ name: 'log', every: 1, run: (moment) => moment.log() }],
  ...more,
});
/** A record without its timings. */
const numbers = (records: readonly Record<string, number>[]): Record<string, number>[] =>
  records.map(({ seconds: _, imagesPerSecond: __, ...rest }) => rest);

describe.each([
  ['reference', () => Promise.resolve(referenceRuntime())],
  ['onnx', () => onnxRuntime({ device: 'cpu', threads: 1 })],
] as const)('two phases over two trainees on %s', (_, open) => {
  test('train in turn, and are resumed to the bit', async () => {
    const runtime = await open();
    const whole = memoryStore();
    const { records } = await train(options(runtime, { store: whole }));
    expect(Object.keys(records[0]!).filter((name) => name.endsWith('.loss')).sort()).toEqual(['discriminator.loss', 'generator.loss']); // prettier-ignore
    expect(records.map((record) => 'generator.loss' in record)).toEqual([true, false, true, false, true, false, true, false]); // prettier-ignore

    const stop = new AbortController();
    const first = memoryStore();
    const partial = await train(
      options(runtime, {
        store: first,
        signal: stop.signal,
        callbacks: [
          { name: 'log', every: 1, run: (moment) => moment.log() },
          { name: 'stop', every: 1, run: ({ step }) => (step === 3 ? stop.abort() : undefined) },
        ],
      }),
    );
    expect(partial).toMatchObject({ completed: false, step: 3 });
    const second = memoryStore(first);
    expect(await train(options(runtime, { store: second }))).toMatchObject({ completed: true, step: 8 });
    expect(second.latest!.state).toEqual(whole.latest!.state);
    expect(numbers(second.records)).toEqual(numbers(whole.records));

    const parts = new Set(Object.keys(whole.latest!.state).map((name) => name.split('.').slice(0, 2).join('.')));
    expect([...parts].sort()).toEqual([
      'discriminator.m',
      'discriminator.params',
      'discriminator.v',
      'generator.ema',
      'generator.m',
      'generator.params',
      'generator.slow',
      'generator.slower',
      'generator.v',
    ]);
  });
});

test('the same numbers come from onnxruntime as in double precision', async () => {
  const [reference, onnx] = [memoryStore(), memoryStore()];
  await train(options(referenceRuntime(), { store: reference }));
  await train(options(await onnxRuntime({ device: 'cpu', threads: 1 }), { store: onnx }));
  for (const [name, { data }] of Object.entries(reference.latest!.state)) {
    data.forEach((value, i) => expect(Math.abs(onnx.latest!.state[name]!.data[i]! - value)).toBeLessThan(1e-4));
  }
});

test('the generator learns where the data is', async () => {
  const store = memoryStore();
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  await train(options(runtime, { store, iterations: 1500, callbacks: [] }));
  const params = store.latest!.state;
  const value = (name: string): ArrayLike<number> => params[`generator.ema.${name}`]!.data;
  const z = normals({ seed: 7, purpose: 'check' }, 2000);
  const mean = [0, 0];
  for (let i = 0; i < 1000; i++) {
    const hidden = Array.from({ length: 8 }, (_, j) =>
      Math.tanh(z[2 * i]! * value('in')[j]! + z[2 * i + 1]! * value('in')[8 + j]! + value('bias')[j]!),
    );
    for (const k of [0, 1]) mean[k]! += hidden.reduce((sum, h, j) => sum + h * value('out')[2 * j + k]!, 0) / 1000;
  }
  // The mean starts at about 0; that of the data is (1, -0.5).
  expect(Math.hypot(mean[0]! - 1, mean[1]! + 0.5)).toBeLessThan(0.35);
});

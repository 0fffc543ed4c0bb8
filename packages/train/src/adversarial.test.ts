import { loader, type Phase, type Trainee } from '@flowmap/core';
import { gaussianMixture } from '@flowmap/data';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import {
  gradients,
  hostTensor,
  normalBatch,
  normals,
  sizeOf,
  type HostTensors,
  type Runtime,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { adamw } from './adamw.js';
import { memoryStore } from './run-store.js';
import { constantSchedule } from './schedules.js';
import { train } from './train.js';
import type { TrainingOptions } from './training-options.js';

// A relativistic pairing GAN with both gradient penalties (R3GAN: Huang, Gokaslan, Kuleshov, Tompkin, 2024), the discriminator and the
// generator taking turns on one state.
const batchSize = 16;
const data = gaussianMixture({ weights: [1], means: [[1, -0.5]], stds: [0.4], classes: [] });

/** Two layers, `tanh` between. */
function twoLayers(seed: number, outputs: number): { parameters: Trainee['parameters']; initial: HostTensors } {
  const shapes = { in: [2, 8], bias: [1, 8], out: [8, outputs] };
  const values = Object.entries(shapes).map(([name, shape]) => {
    const drawn = normals({ seed, purpose: name }, sizeOf(shape));
    return [
      name,
      hostTensor(
        shape,
        Float32Array.from(drawn, (value) => 0.5 * value),
      ),
    ] as const;
  });
  const specs = Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }] as const);
  return { parameters: Object.fromEntries(specs), initial: Object.fromEntries(values) };
}
const layers = (params: Tensors, x: Tensor): Tensor =>
  x.matmul(params['in']!).add(params['bias']!).tanh().matmul(params['out']!);

const trainees = {
  generator: {
    ...twoLayers(1, 2),
    optimizer: adamw({ beta1: 0 }),
    learningRate: constantSchedule(5e-3),
    averages: { ema: constantSchedule(0.9), slow: constantSchedule(0.99), slower: constantSchedule(0.999) },
  },
  discriminator: {
    ...twoLayers(2, 1),
    optimizer: adamw({ beta1: 0 }),
    learningRate: constantSchedule(1e-2),
    averages: {},
  },
} satisfies Record<string, Trainee>;

const inputs = { x: [batchSize, 2], z: [batchSize, 2] };
const feedsOf =
  (purpose: string): Phase['feeds'] =>
  (progress, batch) => {
    const shape = [batch.x.length / 2, 2];
    return {
      x: hostTensor(shape, batch.x),
      z: hostTensor(shape, normalBatch({ seed: 0, purpose, step: progress.step }, shape)),
    };
  };
const discriminatorPhase: Phase = {
  name: 'discriminator',
  trains: 'discriminator',
  reads: ['generator'],
  inputs,
  feeds: feedsOf('discriminator'),
  trace({ inputs, groups }) {
    const D = (x: Tensor): Tensor => layers(groups['discriminator']!, x);
    const [real, fake] = [inputs['x']!, layers(groups['generator']!, inputs['z']!)];
    // R1 and R2: mean over samples of || dD/dx ||^2 at the data, and at what is generated.
    const penalty = (x: Tensor): Tensor =>
      gradients(D(x).sum(), [x])[0]!
        .square()
        .sum()
        .mul(1 / x.shape[0]!);
    const [r1, r2] = [penalty(real), penalty(fake)];
    const loss = D(fake).sub(D(real)).softplus().mean().add(r1.add(r2).mul(0.05));
    return { loss, metrics: { r1, r2 } };
  },
};
const generatorPhase: Phase = {
  name: 'generator',
  trains: 'generator',
  reads: ['discriminator'],
  every: 2,
  inputs,
  feeds: feedsOf('generator'),
  trace({ inputs, groups }) {
    const D = (x: Tensor): Tensor => layers(groups['discriminator']!, x);
    const fake = layers(groups['generator']!, inputs['z']!);
    return { loss: D(inputs['x']!).sub(D(fake)).softplus().mean(), metrics: { mean: fake.mean() } };
  },
};

const options = (runtime: Runtime, more: Partial<TrainingOptions> = {}): TrainingOptions => ({
  runtime,
  trainees,
  phases: [discriminatorPhase, generatorPhase],
  batches: loader(data, { batchSize, seed: 0 }),
  iterations: 8,
  callbacks: [{ name: 'log', every: 1, run: (moment) => moment.log() }],
  ...more,
});
/** What a record says besides the clock. */
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
  // It starts at a mean of about 0; the data's is (1, -0.5).
  expect(Math.hypot(mean[0]! - 1, mean[1]! + 0.5)).toBeLessThan(0.35);
});

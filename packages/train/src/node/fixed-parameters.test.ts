import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compileSampler,
  defineNetwork,
  dense,
  loader,
  registerNetwork,
  uniformGrid,
  type Callback,
  type Model,
  type Network,
  type NetworkConfig,
  type Phase,
  type Trainee,
} from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor, type Runtime, type Tensor } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logging } from '../callbacks/logging.js';
import { loadTrained } from './checkpoints.js';
import type { TrainVelocityFieldOptions } from './options.js';
import { trainVelocityField } from './train.js';
import { objectivePhase } from '../objective-phase.js';
import { memoryStore } from '../run-store.js';
import { constantSchedule } from '../schedules.js';
import { train } from '../train.js';
import { trainee } from '../trainee.js';
import type { TrainingOptions } from '../training-options.js';

let scratch = '';
let count = 0;
beforeAll(async () => (scratch = await mkdtemp(join(tmpdir(), 'flowmap-fixed-'))));
afterAll(async () => rm(scratch, { recursive: true }));
const fresh = (): string => join(scratch, String(count++));

/**
 * A fixed first layer, and a second one whose weights are projected to norm 1. The fixed parameter comes first by name.
 */
function adapter(config: NetworkConfig): Network {
  const [features] = config.shape as [number];
  const first = dense('base', features, 6);
  const last = dense('output', 6, features);
  const parameters = {
    'base.weight': { ...first.parameters['base.weight']!, fixed: true },
    'base.bias': { ...first.parameters['base.bias']!, fixed: true },
    'output.weight': {
      ...last.parameters['output.weight']!,
      project: (value: Tensor) => value.div(value.square().sum().sqrt()),
    },
    'output.bias': last.parameters['output.bias']!,
  };
  return defineNetwork(config, parameters, (params, { x }) => last.apply(params, first.apply(params, x).tanh()));
}
registerNetwork('adapter', adapter);

const network = adapter({ type: 'adapter', shape: [2], interval: false });
const model: Model = { kind: 'velocity', network, params: network.init(4), classes: [] };
const data = checkerboard();
const fixed = ['base.weight', 'base.bias'];
const norm = ({ params }: Model): number => Math.hypot(...params['output.weight']!.data);

const options = (runtime: Runtime, more: Partial<TrainingOptions> = {}): TrainingOptions => ({
  runtime,
  trainees: {
    student: trainee({
      model,
      learningRate: constantSchedule(0.02),
      averages: { ema: constantSchedule(0.5) },
    }),
  },
  phases: [objectivePhase({ network, objective: flowMatching(), batchSize: 8 / (more.parts ?? 1), seed: 0 })],
  batches: loader(data, { batchSize: 8, seed: 0 }),
  iterations: 6,
  ...more,
});

describe.each([
  ['reference', 12, (): Promise<Runtime> => Promise.resolve(referenceRuntime())],
  ['onnx', 5, (): Promise<Runtime> => onnxRuntime({ device: 'cpu', threads: 1 })],
])('a network with fixed and projected parameters on %s', (_, digits, open) => {
  test.each([1, 2])('keeps the bits of one and the norm of the other, in %d parts, resumed too', async (parts) => {
    const runtime = await open();
    const whole = memoryStore();
    const training = await train(options(runtime, { parts, store: whole }));
    for (const average of [{}, { average: 'ema' }]) {
      const { params } = training.model(average);
      for (const name of fixed) expect([...params[name]!.data]).toEqual([...model.params[name]!.data]);
      expect(params['output.weight']).not.toEqual(model.params['output.weight']);
    }
    expect(norm(training.model())).toBeCloseTo(1, digits);
    // The average is taken over projected values and the initial one, and is not projected itself.
    expect(norm(training.model({ average: 'ema' }))).not.toBeCloseTo(1, digits);

    const stop = new AbortController();
    const first = memoryStore();
    const halt: Callback = {
      name: 'halt',
      every: 1,
      run: ({ step }) => (step === 3 ? stop.abort() : undefined),
    };
    await train(options(runtime, { parts, store: first, signal: stop.signal, callbacks: [halt] }));
    const second = memoryStore(first);
    await train(options(runtime, { parts, store: second }));
    expect(second.latest!.state).toEqual(whole.latest!.state);
  });

  test('is sampled in training from its average as from a copy of it', async () => {
    const runtime = await open();
    const noise = hostTensor([2, 2], Float32Array.of(0.3, -1, 0.8, 0.2));
    const arguments_ = { noise, times: uniformGrid(2) };
    let checked = 0;
    const compared: Callback = {
      name: 'compared',
      every: 3,
      async run(moment) {
        const live = await moment.sampler({ average: 'ema', batchSize: 2 });
        const copy = await compileSampler(runtime, await moment.model({ average: 'ema' }), { batchSize: 2 });
        const [got, wanted] = [await live.sample(arguments_), await copy.sample(arguments_)];
        got.data.forEach((value, i) => expect(value).toBeCloseTo(wanted.data[i]!, 5));
        await copy.dispose();
        checked += 1;
      },
    };
    await train(options(runtime, { callbacks: [compared, logging(1)] }));
    expect(checked).toBe(2);
  });
});

test('a sampler is found although another phase, which comes first, reads the parameters without their average', async () => {
  const { trainees, phases, ...rest } = options(referenceRuntime());
  const [phase] = phases;
  const critic: Trainee = {
    parameters: { scale: { shape: [], dtype: 'float32' } },
    initial: { scale: hostTensor([], [0.5]) },
    optimizer: trainees['student']!.optimizer,
    learningRate: constantSchedule(0.1),
    averages: {},
  };
  const reading: Phase = {
    name: 'reading',
    trains: 'critic',
    reads: ['student'],
    inputs: {},
    feeds: () => ({}),
    trace: ({ groups }) => ({
      loss: groups['critic']!['scale']!.mul(groups['student']!['output.weight']!.sum()).square(),
      metrics: {},
    }),
  };
  const seen: number[] = [];
  const preview: Callback = {
    name: 'preview',
    every: 6,
    async run(moment) {
      const sampler = await moment.sampler({ average: 'ema', batchSize: 1 });
      const { data } = await sampler.sample({ noise: hostTensor([1, 2], [1, 1]), times: uniformGrid(1) });
      seen.push(...data);
    },
  };
  await train({ ...rest, trainees: { critic, ...trainees }, phases: [reading, phase!], callbacks: [preview] });
  expect(seen).toHaveLength(2);
});

test('checkpoints have what is fixed, and give whole models', async () => {
  const folder = (out: string): TrainVelocityFieldOptions => ({
    runtime: referenceRuntime(),
    data,
    network,
    objective: flowMatching(),
    iterations: 6,
    batchSize: 8,
    seed: 4,
    checkpointEvery: 2,
    out,
    progress: 'none',
  });
  const out = fresh();
  const whole = await trainVelocityField(folder(out));
  const checkpoint = join(out, 'checkpoints/0000006');
  expect((await loadTrained(checkpoint, { average: 'ema' })).params).toEqual(whole.model.params);
  const params = (await loadTrained(checkpoint)).params;
  for (const name of fixed) expect([...params[name]!.data]).toEqual([...network.init(4)[name]!.data]);

  const stop = new AbortController();
  const resumable = folder(fresh());
  const halt: Callback = { name: 'halt', every: 1, run: ({ step }) => (step === 3 ? stop.abort() : undefined) };
  await trainVelocityField({ ...resumable, signal: stop.signal, callbacks: [halt] });
  expect((await trainVelocityField(resumable)).model.params).toEqual(whole.model.params);
});

import { dit, flowMapFrom, mlp, unet, type Batch, type Model, type Network } from '@flowmap/core';
import { median } from '@flowmap/example-common';
import { autoguidance } from '@flowmap/guidance';
import { ayfEmd } from '@flowmap/objectives';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import {
  concat,
  freeze,
  hostTensor,
  program,
  uniforms,
  type Executable,
  type HostTensor,
  type HostTensors,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import { objectivePhase, trainee } from '@flowmap/train';
import { runnable } from '../packages/guidance/src/internal/opaque.js';
import { milliseconds } from './measure.js';
import { initialParams } from './peer-tasks.js';
import { stepTimes } from './step-times.js';

const CLASSES = 10;
const STEPS = 4;

/** A network with the samples of one call. */
interface Subject {
  readonly name: string;
  readonly network: Network;
  readonly batchSize: number;
}

const subjects: readonly Subject[] = [
  { name: 'MLP', network: mlp({ shape: [2], width: 128, depth: 3, classes: CLASSES }), batchSize: 512 },
  {
    name: 'DiT',
    network: dit({ shape: [3, 32, 32], patch: 4, width: 256, depth: 8, classes: CLASSES }),
    batchSize: 16,
  },
  { name: 'UNet', network: unet({ shape: [3, 24, 24], channels: [32, 64, 128], classes: CLASSES }), batchSize: 16 },
];

/** Two programs that compute the same, with the values they get. */
interface Pair {
  readonly name: string;
  readonly two: Executable;
  readonly one: Executable;
  readonly feeds: HostTensors;
}

/**
 * Times what guidance costs, in turn: two calls against one call on both batches, for a model with and without its
 * label; products with two matrices against one product with both, which is what a single call of two models of the
 * same architecture would amount to; and training steps with the guided teacher inside and outside the program.
 */
export async function timeGuidance(threads: number, rounds: number): Promise<void> {
  const runtime = await onnxRuntime({ device: 'cpu', threads });
  const pairs: Pair[] = [];
  for (const subject of subjects) pairs.push(await calls(runtime, subject));
  for (const [rows, width, outputs] of [
    [512, 128, 128],
    [1024, 256, 768],
    [1024, 256, 1024],
  ] as const) {
    pairs.push(await products(runtime, rows, width, outputs));
  }
  console.log('| what is computed twice | two calls ms | one call ms |');
  console.log('| --- | ---: | ---: |');
  const times = pairs.map((): [number, number][] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, { two, one, feeds }] of pairs.entries()) {
      const row: [number, number] = [await runTime(two, feeds), await runTime(one, feeds)];
      // The first round is a warm-up.
      if (round > 0) times[i]!.push(row);
    }
  }
  for (const [i, { name, two, one }] of pairs.entries()) {
    const cells = [0, 1].map((k) => median(times[i]!.map((row) => row[k]!)).toFixed(2));
    console.log(`| ${[name, ...cells].join(' | ')} |`);
    await two.dispose();
    await one.dispose();
  }

  console.log('\n| step with a guided teacher | inside ms | outside ms |');
  console.log('| --- | ---: | ---: |');
  for (const subject of subjects) {
    const steps: [number, number][] = [];
    for (let round = 0; round <= rounds; round++) {
      const row: [number, number] = [await stepTime(runtime, subject, false), await stepTime(runtime, subject, true)];
      if (round > 0) steps.push(row);
    }
    const cells = [0, 1].map((k) => median(steps.map((row) => row[k]!)).toFixed(1));
    console.log(`| ${[subject.name, ...cells].join(' | ')} |`);
  }
}

/** A network with and without its label, in two calls and in one. */
async function calls(runtime: Runtime, { name, network, batchSize }: Subject): Promise<Pair> {
  const { shape } = network.config;
  const inputs = {
    x: [batchSize, ...shape],
    t: [batchSize],
    label: { shape: [batchSize], dtype: 'int32' as const },
    none: { shape: [batchSize], dtype: 'int32' as const },
  };
  const compiled = async (title: string, both: typeof inTwo): Promise<Executable> => {
    const built = program<string, string>(title, { inputs, state: network.parameters }, (given, params) => {
      const { x, t, label, none } = given as Record<keyof typeof inputs, Tensor>;
      const apply = (x: Tensor, t: Tensor, label: Tensor): Tensor =>
        network.apply(params, { x, t, conditions: { label } });
      const [a, b] = both(apply, x, t, [label, none]);
      return { outputs: { a, b } };
    });
    return runtime.compile(freeze(built, initialParams({ name, network, batchSize })));
  };
  const drawn = uniforms({ seed: 0, purpose: name }, batchSize * shape.reduce((size, extent) => size * extent, 1));
  const feeds: HostTensors = {
    x: hostTensor([batchSize, ...shape], Float32Array.from(drawn)),
    t: hostTensor([batchSize], new Float32Array(batchSize).fill(0.5)),
    label: hostTensor([batchSize], new Int32Array(batchSize)),
    none: hostTensor([batchSize], new Int32Array(batchSize).fill(CLASSES - 1)),
  };
  return {
    name: `${name}, ${batchSize} samples`,
    two: await compiled('two', inTwo),
    one: await compiled('one', inOne),
    feeds,
  };
}

type Apply = (x: Tensor, t: Tensor, label: Tensor) => Tensor;

function inTwo(apply: Apply, x: Tensor, t: Tensor, [a, b]: [Tensor, Tensor]): [Tensor, Tensor] {
  return [apply(x, t, a), apply(x, t, b)];
}

function inOne(apply: Apply, x: Tensor, t: Tensor, [a, b]: [Tensor, Tensor]): [Tensor, Tensor] {
  const both = apply(concat([x, x], 0), concat([t, t], 0), concat([a, b], 0));
  const count = x.shape[0]!;
  const rest = both.shape.slice(1);
  const part = (from: number): Tensor => both.slice([from, ...rest.map(() => 0)], [from + count, ...rest]);
  return [part(0), part(count)];
}

/** Products of the same rows with two matrices: one after another, and as one product of stacks. */
async function products(runtime: Runtime, rows: number, width: number, outputs: number): Promise<Pair> {
  const inputs = { x: [rows, width] };
  const weights = [0, 1].map((seed) => {
    const drawn = uniforms({ seed, purpose: 'matrix' }, width * outputs);
    return hostTensor([width, outputs], Float32Array.from(drawn));
  }) as [HostTensor, HostTensor];
  const stacked = new Float32Array(2 * width * outputs);
  weights.forEach(({ data }, i) => stacked.set(data, i * width * outputs));
  const two = freeze(
    program('two', { inputs, state: { a: [width, outputs], b: [width, outputs] } }, ({ x }, { a, b }) => ({
      outputs: { a: x.matmul(a), b: x.matmul(b) },
    })),
    { a: weights[0], b: weights[1] },
  );
  const one = freeze(
    program('one', { inputs, state: { w: [2, width, outputs] } }, ({ x }, { w }) => {
      const both = x.reshape([1, rows, width]);
      return { outputs: { ab: concat([both, both], 0).matmul(w) } };
    }),
    { w: hostTensor([2, width, outputs], stacked) },
  );
  const drawn = uniforms({ seed: 2, purpose: 'matrix' }, rows * width);
  const feeds = { x: hostTensor([rows, width], Float32Array.from(drawn)) };
  const name = `product of ${rows} × ${width} and ${width} × ${outputs}`;
  return { name, two: await runtime.compile(two), one: await runtime.compile(one), feeds };
}

async function runTime(executable: Executable, feeds: HostTensors): Promise<number> {
  const [, ms] = await milliseconds(async () => {
    for (const output of Object.values(await executable.run(feeds))) {
      await output.read();
      output.dispose();
    }
  });
  return ms;
}

/** Milliseconds of a training step with an autoguided teacher, traced into the program or run before it: a median. */
async function stepTime(runtime: Runtime, { name, network, batchSize }: Subject, outside: boolean): Promise<number> {
  const params = initialParams({ name, network, batchSize });
  const from: Model = { kind: 'velocity', network, params, classes: Array.from({ length: CLASSES }, String) };
  const guided = autoguidance({ strong: from, weak: from, scale: 2 });
  const teacher = outside ? runnable(guided, runtime, 'teacher') : guided;
  const model = flowMapFrom(from, 1);
  const phase = objectivePhase({ network: model.network, objective: ayfEmd(), teacher, batchSize, seed: 0 });
  const size = batchSize * network.config.shape.reduce((product, extent) => product * extent, 1);
  const batch: Batch = {
    x: Float32Array.from(uniforms({ seed: 0, purpose: 'data' }, size), (u) => 2 * u - 1),
    conditions: { label: Int32Array.from({ length: batchSize }, (_, i) => i % CLASSES) },
  };
  const student = trainee({ model, learningRate: 1e-4 });
  return median(await stepTimes({ runtime, student, phase, batch, batchSize, warmupRuns: 1, runs: STEPS }));
}

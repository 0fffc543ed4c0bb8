import { median } from '@flowmap/example-common';
import { hostTensor, program, type Runtime } from '@flowmap/tensor';
import { initialState, phasePrograms } from '@flowmap/train';
import { stepFeeds, taskBatch, taskFlops, taskTraining, type PeerTask } from '../peer-tasks.js';
import { stepTimes } from '../step-times.js';
import { watchMemory } from './adapter.js';

/** Speed of one matrix product. */
export interface Product {
  readonly size: number;
  readonly gflops: number;
}

/** Measurements of a training step in one program or framework. */
export interface Measured {
  readonly runtime: string;
  /** Median milliseconds of a step, including reading its loss. */
  readonly ms: number;
  readonly gflops: number;
  readonly samplesPerSecond: number;
  /** Bytes on the GPU; undefined if nothing reports it. */
  readonly peakDeviceMemory?: number | undefined;
}

/** Number of products in a row, of which only the last is read: they are queued, so the device is busy throughout. */
const PRODUCTS = 10;

/** Times `x <- x w` of square float32 matrices that stay on the device. */
export async function timeProduct(runtime: Runtime, size: number, rounds: number): Promise<Product> {
  const square = [size, size];
  const powers = program('powers', { inputs: {}, state: { x: square, w: square } }, (_, { x, w }) => {
    const next = x.matmul(w);
    return { outputs: { corner: next.slice([0, 0], [1, 1]) }, state: { x: next } };
  });
  const executable = await runtime.compile(powers);
  // Rows of w sum to 1, so that powers stay finite.
  const even = hostTensor(square, new Float32Array(size ** 2).fill(1 / size));
  await executable.writeState({ x: even, w: even });
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    for (let run = 0; run < PRODUCTS; run++) {
      const { corner } = await executable.run({});
      if (run === PRODUCTS - 1) await corner!.read();
      corner!.dispose();
    }
    if (round > 0) times.push((performance.now() - start) / PRODUCTS);
  }
  await executable.dispose();
  return { size, gflops: (2 * size ** 3) / median(times) / 1e6 };
}

/** Times the training step as the training loop takes it: inputs drawn on the host, state on the device, loss and metrics read. */
export async function timeTraining(
  runtime: Runtime,
  task: PeerTask,
  { rounds, stepsPerRun }: { readonly rounds: number; readonly stepsPerRun: number },
): Promise<Measured> {
  const training = { ...taskTraining(task), batch: taskBatch(task), batchSize: task.batchSize };
  const memory = await watchMemory();
  const times = await stepTimes({ runtime, ...training, warmupRuns: 2, runs: rounds, stepsPerRun });
  const peakDeviceMemory = await memory();
  const name = stepsPerRun === 1 ? runtime.name : `${runtime.name}, ${stepsPerRun} steps a run`;
  return measured(`Flowmap, ${name}`, task, median(times), peakDeviceMemory);
}

export function measured(runtime: string, task: PeerTask, ms: number, peakDeviceMemory?: number): Measured {
  return {
    runtime,
    ms,
    peakDeviceMemory,
    gflops: taskFlops(task) / ms / 1e6,
    samplesPerSecond: (1000 * task.batchSize) / ms,
  };
}

/** Outputs of two training steps from the same parameters and batch, for comparing runtimes. */
export async function firstSteps(runtime: Runtime, task: PeerTask): Promise<Record<string, number[]>> {
  const training = taskTraining(task);
  const { student, phase } = training;
  const executable = await runtime.compile(phasePrograms(phase, { student }).update);
  await executable.writeState(initialState({ student }));
  const batch = taskBatch(task);
  const given = stepFeeds(training, batch, 0);
  const values: Record<string, number[]> = {};
  for (let step = 0; step < 2; step++) {
    const scalars = Object.entries(stepFeeds(training, batch, step)).filter(([name]) => name.startsWith('optimizer.'));
    const outputs = await executable.run({ ...given, ...Object.fromEntries(scalars) });
    for (const [name, tensor] of Object.entries(outputs)) {
      values[`${name} of step ${step + 1}`] = Array.from((await tensor.read()).data);
      tensor.dispose();
    }
  }
  await executable.dispose();
  return values;
}

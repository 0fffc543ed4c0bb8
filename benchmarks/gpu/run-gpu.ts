import { createRequire } from 'node:module';
import { machine } from '@flowmap/example-common';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { FlowmapError, type Runtime } from '@flowmap/tensor';
import { describeTask, peerTasks, type PeerTask } from '../peer-tasks.js';
import type { Adapter } from './adapter.js';
import { firstSteps, timeProduct, timeTraining, type Product } from './measure-gpu.js';
import type { GpuReport, TaskReport } from './report.js';
import { timeTorch } from './torch-peers.js';

/** Settings of a measurement. */
export interface GpuRun {
  /** The Python interpreter in which to look for PyTorch. */
  readonly python: string;
  /** Steps to time of each kind. */
  readonly rounds: number;
  /** Samples per step. */
  readonly batchSize: number;
  readonly stepsPerRun: number;
  /** True takes small networks and products, to try the set-up. */
  readonly small: boolean;
  /** The program in `../peers` that answers for PyTorch. */
  readonly script: string;
  /** Called with what is measured next. */
  readonly progress: (text: string) => void;
}

/** Two steps differ between programs by more than the order of summation accounts for: one of the programs is wrong. */
export class DisagreementError extends FlowmapError {
  constructor(
    readonly task: string,
    readonly other: string,
    readonly difference: number,
  ) {
    super(
      `${task}: two steps differ from those of ${other} by ${difference.toExponential(1)}, more than ${TOLERANCE}: ` +
        'one of the two computes something wrong here, and its times would mean nothing',
    );
  }
}

/**
 * Largest relative difference of two steps from the CPU's or PyTorch's that another order of summation
 * accounts for.
 */
const TOLERANCE = 5e-3;

const { version: onnxruntime } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };

/**
 * Times products of matrices and the training steps on a runtime, and the same steps in PyTorch.
 *
 * @throws {DisagreementError} when they do not compute the same; Flowmap is compared with the CPU before being timed,
 *   and PyTorch with Flowmap
 */
export async function measureGpu(runtime: Runtime, adapter: Adapter, run: GpuRun): Promise<GpuReport> {
  const products: Product[] = [];
  for (const size of run.small ? [64, 128] : [1024, 2048, 4096]) {
    run.progress(`matrix product of ${size}`);
    products.push(await timeProduct(runtime, size, Math.min(run.rounds, 5)));
  }
  const { dit, unet } = peerTasks(run.small);
  const tasks: TaskReport[] = [];
  for (const task of [dit!, unet!]) tasks.push(await reportOn(runtime, { ...task, batchSize: run.batchSize }, run));

  const { processor, cores, memoryGiB, system } = machine();
  return {
    adapter,
    machine: `${cores} cores of ${processor}, ${memoryGiB} GiB, ${system}`,
    versions: { Node: process.versions.node, 'onnxruntime-node': onnxruntime },
    date: new Date().toISOString().slice(0, 10),
    products,
    tasks,
  };
}

async function reportOn(runtime: Runtime, task: PeerTask, run: GpuRun): Promise<TaskReport> {
  const { python, script, rounds, stepsPerRun, progress } = run;
  progress(`${task.name}: two steps on WebGPU and on the CPU`);
  const ours = await firstSteps(runtime, task);
  const differences: Record<string, number> = {};
  const compare = (other: string, theirs: Outputs): void => {
    const value = difference(ours, theirs);
    if (!(value <= TOLERANCE)) throw new DisagreementError(task.name, other, value);
    differences[other] = value;
  };
  compare('the CPU', await firstSteps(await onnxRuntime({ device: 'cpu' }), task));
  progress(`${task.name}: Flowmap`);
  const flowmap = await timeTraining(runtime, task, { rounds, stepsPerRun });
  progress(`${task.name}: PyTorch`);
  const onChecked = (values: Outputs): void => compare('PyTorch in float32', values);
  const torch = await timeTorch(task, { python, script, rounds, onChecked });
  return {
    task: describeTask(task),
    measured: [flowmap, ...torch.measured],
    differences,
    notes: torch.reason === undefined ? [] : [torch.reason],
  };
}

type Outputs = Readonly<Record<string, readonly number[]>>;

/** Largest difference in any of our results, relative to its own size; NaN where one of them is missing from theirs. */
export function difference(ours: Outputs, theirs: Outputs): number {
  return Math.max(
    ...Object.entries(ours).map(([name, wanted]) => {
      const got = theirs[name] ?? [];
      return Math.hypot(...wanted.map((value, i) => value - (got[i] ?? NaN))) / Math.hypot(...wanted);
    }),
  );
}

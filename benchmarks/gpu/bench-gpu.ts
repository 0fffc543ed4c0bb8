// Times Flowmap's training step on a GPU through WebGPU, beside PyTorch where there is one with CUDA; `npm run gpu-bundle` packs
// it for machines without Node.
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeFileAtomic } from '@flowmap/core/node';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { FlowmapError, type Runtime } from '@flowmap/tensor';
import { describeTask, peerTasks, type PeerTask } from '../peer-tasks.js';
import { findAdapter } from './adapter.js';
import { firstSteps, timeProduct, timeTraining, type Product } from './measure-gpu.js';
import { formatReport, type GpuReport, type TaskReport } from './report.js';
import { timeTorch } from './torch-peers.js';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    out: { type: 'string', default: 'gpu-results' },
    rounds: { type: 'string', default: '20' },
    batch: { type: 'string', default: '256' },
    'steps-per-run': { type: 'string', default: '1' },
    small: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const usage = `usage: ./bench-gpu [options]

Times the AYF-EMD training step of a DiT and a UNet on this machine's GPU, through WebGPU, and through
PyTorch (float32, TF32, bfloat16) where the Python has it with CUDA; prints tables, and writes them as
gpu.md and gpu.json.

  --python FILE      the Python to look for PyTorch in; python3 unless given
  --out DIR          folder for the results; gpu-results unless given
  --rounds N         steps timed of each; 20 unless given
  --batch N          samples of one step; 256 unless given
  --steps-per-run N  steps in one call of Flowmap's runtime; 1 unless given
  --small            small networks, batch 4: to try the set-up, its figures say nothing about speed`;

const { version: onnxruntime } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };

/** Largest relative difference of two steps from the CPU's or PyTorch's that sums in another order account for. */
const TOLERANCE = 5e-3;

try {
  await main();
} catch (error) {
  if (!(error instanceof FlowmapError || error instanceof RangeError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  if (options.help) {
    console.log(usage);
    return;
  }
  const [rounds, stepsPerRun] = [whole('rounds'), whole('steps-per-run')];
  const batchSize = options.small ? 4 : whole('batch');
  const runtime = await onnxRuntime({ device: 'webgpu' });
  const adapter = await findAdapter();
  progress(`${adapter.name}, driver ${adapter.driver}`);

  const products: Product[] = [];
  for (const size of options.small ? [64, 128] : [1024, 2048, 4096]) {
    progress(`matrix product of ${size}`);
    products.push(await timeProduct(runtime, size, Math.min(rounds, 5)));
  }
  const { dit, unet } = peerTasks(options.small);
  const tasks: TaskReport[] = [];
  for (const task of [dit!, unet!]) tasks.push(await reportOn(runtime, { ...task, batchSize }, rounds, stepsPerRun));

  const report: GpuReport = {
    adapter,
    machine: `${cpus().length} cores of ${cpus()[0]?.model ?? 'a processor'}`,
    versions: { Node: process.versions.node, 'onnxruntime-node': onnxruntime },
    date: new Date().toISOString().slice(0, 10),
    products,
    tasks,
  };
  const text = formatReport(report);
  await mkdir(options.out, { recursive: true });
  await writeFileAtomic(join(options.out, 'gpu.md'), text);
  await writeFileAtomic(join(options.out, 'gpu.json'), `${JSON.stringify(report, null, 2)}\n`);
  console.log(text);
  progress(`written to ${options.out}`);
}

async function reportOn(runtime: Runtime, task: PeerTask, rounds: number, stepsPerRun: number): Promise<TaskReport> {
  progress(`${task.name}: two steps on WebGPU and on the CPU`);
  const ours = await firstSteps(runtime, task);
  const differences: Record<string, number> = {};
  differences['the CPU'] = difference(ours, await firstSteps(await onnxRuntime({ device: 'cpu' }), task));
  progress(`${task.name}: Flowmap`);
  const flowmap = await timeTraining(runtime, task, { rounds, stepsPerRun });
  progress(`${task.name}: PyTorch`);
  const script = join(import.meta.dirname, '../peers/peer.py');
  const torch = await timeTorch(task, { python: options.python, script, rounds });
  if (torch.checked) differences['PyTorch in float32'] = difference(ours, torch.checked);
  for (const [other, value] of Object.entries(differences)) {
    if (!(value <= TOLERANCE))
      throw new RangeError(`${task.name}: two steps differ from those of ${other} by ${value}`);
  }
  return {
    task: describeTask(task),
    measured: [flowmap, ...torch.measured],
    differences,
    notes: torch.reason === undefined ? [] : [`PyTorch with CUDA does not run here: ${torch.reason}`],
  };
}

/** Largest difference in any of our results, relative to its own size. */
function difference(
  ours: Readonly<Record<string, readonly number[]>>,
  theirs: Readonly<Record<string, readonly number[]>>,
): number {
  return Math.max(
    ...Object.entries(ours).map(([name, wanted]) => {
      const got = theirs[name] ?? [];
      return Math.hypot(...wanted.map((value, i) => value - (got[i] ?? NaN))) / Math.hypot(...wanted);
    }),
  );
}

function whole(option: 'rounds' | 'batch' | 'steps-per-run'): number {
  const value = Number(options[option]);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`--${option}: wanted a whole number >= 1, got ${options[option]}`);
  }
  return value;
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

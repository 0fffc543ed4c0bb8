// A day of training in simulated time: npm run endurance -- [--steps N]. Memory, open files and disk must stay flat.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loader, mlp, type Callback, type Model } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { checkpoints, cosineSchedule, logging, objectivePhase, train, trainee } from '@flowmap/train';
import { openFolderStore } from '@flowmap/train/node';
import { choice, runCommand, whole, type CommandContext, type Config } from 'flowmap/node';
import { filesIn } from './training.js';

const OPTIONS = {
  steps: whole('steps of the training, a day in simulated time', 10_000),
  runtime: choice('what computes', ['reference', 'onnx'], 'reference'),
};

/** Number of rows of the table. */
const LINES = 10;
const DAY = 86_400;

async function endure({ steps, runtime: name }: Config<typeof OPTIONS>, { signal, print }: CommandContext) {
  const folder = mkdtempSync(join(tmpdir(), 'flowmap-endurance-'));
  const runtime =
    name === 'onnx'
      ? await (await import('@flowmap/runtime-onnx')).onnxRuntime({ device: 'cpu', threads: 1 })
      : referenceRuntime();
  const network = mlp({ shape: [2], width: 8, depth: 1 });
  const model: Model = { kind: 'velocity', network, params: network.init(0), classes: [] };
  const batchSize = 8;
  const student = trainee({ model, learningRate: cosineSchedule(1e-3) });
  const trainees = { student };
  let seconds = 0;
  const time: Callback = {
    name: 'time',
    every: 1,
    run() {
      seconds += DAY / steps;
    },
  };
  print('| step | hours | heap, MiB | process, MiB | open files | files | log, KiB | rest, KiB |');
  print('| ---- | ----- | --------- | ------------ | ---------- | ----- | -------- | --------- |');
  const table: Callback = {
    name: 'table',
    every: Math.floor(steps / LINES),
    run: ({ step }) => print(lineAt(folder, step, seconds)),
  };
  try {
    const store = await openFolderStore(folder, trainees);
    await train({
      runtime,
      trainees,
      phases: [objectivePhase({ network, objective: flowMatching(), batchSize, seed: 0 })],
      batches: loader(checkerboard(), { batchSize, seed: 0 }),
      iterations: steps,
      store,
      signal,
      callbacks: [time, logging(Math.ceil(steps / 200)), checkpoints(steps, { clock: () => seconds }), table],
    }).finally(() => store.close());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function lineAt(folder: string, step: number, seconds: number): string {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  const files = filesIn(folder);
  const kibibytes = (names: readonly string[]): number =>
    Math.ceil(names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0) / 1024);
  const open = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 'unknown';
  const facts = [
    step,
    (seconds / 3600).toFixed(1),
    mebibytes(heapUsed),
    mebibytes(rss),
    open,
    files.length,
    kibibytes(files.filter((name) => name === 'log.jsonl')),
    kibibytes(files.filter((name) => name !== 'log.jsonl')),
  ];
  return `| ${facts.join(' | ')} |`;
}

const code = await runCommand(
  { name: 'npm run endurance --', description: 'Trains for a day in simulated time.', options: OPTIONS, run: endure },
  process.argv.slice(2),
);
if (code !== 0) process.exitCode = code;

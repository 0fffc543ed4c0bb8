import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { median } from '@flowmap/example-common';
import { PeerError, startPeer, type Checked, type Peer } from './peer-process.js';
import { describeTask, parameterCount, peerTasks, taskFlops, writeTask, type PeerTask } from './peer-tasks.js';

/** How the comparison is made. */
export interface ComparisonOptions {
  /** The interpreter that has the packages of `peers/requirements.txt`. */
  readonly python: string;
  readonly rounds: number;
  readonly threads: number;
  /**
   * Folder of `@tensorflow/tfjs-node`; without it, Flowmap on the native library of TensorFlow.js does not
   * take part.
   */
  readonly tfjsNode?: string | undefined;
  /** Key of the only task to compare on; all unless given. */
  readonly task?: string | undefined;
  /** True takes small networks, to try the set-up. */
  readonly small: boolean;
}

const runs = { train: 'training step', sample: '4-step sampling' } as const;
type Run = keyof typeof runs;

/** A program of the comparison. */
interface Contender {
  readonly name: string;
  readonly command: (task: string, folder: string) => readonly string[];
  /** The tasks it is for; all unless given. */
  readonly tasks?: readonly string[];
  /** What is timed; everything unless given. */
  readonly runs?: readonly Run[];
  /** The most rounds in which it takes part, for a slow one. */
  readonly rounds?: number;
  /** True when it may be unable to run here; its row then says why. */
  readonly optional?: boolean;
}

/** What was measured of one contender. */
interface Measured {
  readonly contender: Contender;
  readonly peer: Peer;
  readonly ms: Readonly<Record<Run, number[]>>;
  peakMemory: number;
}

/** Largest relative difference (L2) between a peer's results and ours: float32 in another order of summation. */
const TOLERANCE = 1e-3;

/**
 * Number of steps in a row of each program, as in training or sampling: the first one finds the processor's caches
 * as another program left them.
 */
const STEPS_PER_ROUND = 4;

/** Number of rounds that warm up. */
const WARM_UPS = 1;

/** Milliseconds for the threads of the last program to fall asleep. */
const PAUSE = 100;

/**
 * Times the AYF-EMD step and four sampling steps of Flowmap, PyTorch, JAX and jax-js on the CPU, each in a process of
 * its own, in turn, so that changes in the machine's speed affect all alike; prints tables in Markdown with the ratios.
 *
 * @throws {PeerError} when a peer cannot be started or fails
 * @throws {RangeError} when a peer computes something else than Flowmap
 */
export async function comparePeers(options: ComparisonOptions): Promise<void> {
  console.log(`${cpus()[0]?.model ?? 'processor'}, ${options.threads} threads each, Node ${process.versions.node}`);
  console.log(
    `medians of ${options.rounds} interleaved rounds of ${STEPS_PER_ROUND} steps in a row, after ${WARM_UPS} to warm up; float32`,
  );
  const folder = await mkdtemp(join(tmpdir(), 'flowmap-peers-'));
  try {
    for (const [key, task] of Object.entries(peerTasks(options.small))) {
      if (options.task !== undefined && options.task !== key) continue;
      const files = join(folder, key);
      await writeTask(task, files);
      console.log(`\n### ${describeTask(task)}\n`);
      await compareOn(key, task, files, options);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compareOn(key: string, task: PeerTask, folder: string, options: ComparisonOptions): Promise<void> {
  const running: Measured[] = [];
  const absent: string[] = [];
  try {
    let ours: Checked | undefined;
    for (const contender of contenders(options)) {
      if (contender.tasks && !contender.tasks.includes(key)) continue;
      progress(`${task.name}: starting ${contender.name}`);
      try {
        const peer = await startPeer(contender.command(key, folder));
        running.push({ contender, peer, ms: { train: [], sample: [] }, peakMemory: 0 });
        const checked = await peer.check();
        ours ??= checked;
        requireEqual(`${contender.name} on ${task.name}`, ours, checked);
        if (peer.ready.parameters !== parameterCount(task.network)) {
          throw new RangeError(`${contender.name} has ${peer.ready.parameters} parameters`);
        }
      } catch (error) {
        if (!(contender.optional && error instanceof PeerError)) throw error;
        const failed = running.findIndex((one) => one.contender === contender);
        if (failed >= 0) await running.splice(failed, 1)[0]?.peer.end();
        absent.push(`${contender.name} does not run here: ${error.reason.trim().split('\n', 1).join()}`);
      }
    }
    for (let round = 0; round < WARM_UPS + options.rounds; round++) {
      progress(`${task.name}: round ${round + 1} of ${WARM_UPS + options.rounds}`);
      for (const one of running) {
        if (round >= WARM_UPS + (one.contender.rounds ?? Infinity)) continue;
        for (const run of one.contender.runs ?? (Object.keys(runs) as Run[])) {
          await setTimeout(PAUSE);
          const { ms, peakMemory } = await one.peer.time(run, STEPS_PER_ROUND);
          if (round >= WARM_UPS) one.ms[run].push(...ms);
          one.peakMemory = peakMemory;
        }
      }
    }
  } finally {
    for (const { peer } of running) await peer.end();
  }
  printTable(task, running);
  for (const reason of absent) console.log(`\n${reason}`);
}

function contenders({ python, threads, small, tfjsNode }: ComparisonOptions): readonly Contender[] {
  const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const node = (name: string): string[] => [process.execPath, ...process.execArgv, script(name)];
  const ours =
    (runtime: string, ...more: string[]) =>
    (task: string) => [
      ...[...node('peer-ours.ts'), '--task', task, '--runtime', runtime, '--threads', String(threads)],
      ...[...(small ? ['--small'] : []), ...more],
    ];
  const peer =
    (framework: string, ...more: string[]) =>
    (_: string, folder: string) => [
      ...[python, script('peers/peer.py'), framework, folder, '--threads', String(threads), ...more],
    ];
  return [
    { name: 'Flowmap on onnxruntime', command: ours('onnx') },
    { name: 'PyTorch', command: peer('torch') },
    { name: 'PyTorch, one time per batch', command: peer('torch', '--one-time'), runs: ['sample'] },
    { name: 'torch.compile', command: peer('torch-compile'), optional: true },
    { name: 'JAX', command: peer('jax') },
    ...(tfjsNode === undefined
      ? []
      : [{ name: 'Flowmap on tfjs-node', command: ours('tensorflow', '--tfjs-node', tfjsNode) }]),
    { name: 'Flowmap on TensorFlow.js', command: ours('wasm'), tasks: ['dit'], rounds: 1 },
    {
      name: 'jax-js',
      command: (_, folder) => [...node('peers/jax-js-peer.ts'), folder],
      // A step of the U-net takes it most of an hour.
      tasks: small ? ['mlp', 'dit', 'unet'] : ['mlp', 'dit'],
      rounds: 1,
    },
  ];
}

/** Refuses a peer that computes something else: its times would mean nothing. */
function requireEqual(name: string, ours: Checked, theirs: Checked): void {
  for (const [quantity, wanted] of Object.entries(ours.values)) {
    const got = theirs.values[quantity] ?? [];
    const difference = Math.hypot(...wanted.map((value, i) => value - (got[i] ?? NaN))) / Math.hypot(...wanted);
    if (!(difference <= TOLERANCE)) {
      const [a, b] = [wanted, got].map((values) => values.slice(0, 4).join(', '));
      throw new RangeError(`${name}: ${quantity} differs from ours by ${difference}: wanted ${a}, got ${b}`);
    }
  }
}

function printTable(task: PeerTask, measured: readonly Measured[]): void {
  const [ours] = measured;
  console.log('| work | runtime | median ms | GFLOP/s | ours is faster by | peak memory MB |');
  console.log('| --- | --- | ---: | ---: | ---: | ---: |');
  for (const [run, work] of Object.entries(runs) as [Run, string][]) {
    for (const { peer, ms, peakMemory } of measured) {
      if (ms[run].length === 0) continue;
      const wall = median(ms[run]);
      const cells = [
        ...[work, peer.ready.runtime, wall.toFixed(1), (taskFlops(task) / wall / 1e6).toFixed(1)],
        ...[`${(wall / median(ours!.ms[run])).toFixed(2)} x`, (peakMemory / 1e6).toFixed(0)],
      ];
      console.log(`| ${cells.join(' | ')} |`);
    }
  }
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

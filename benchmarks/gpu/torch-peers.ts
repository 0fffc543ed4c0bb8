import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '@flowmap/example-common';
import { PeerError, startPeer, type Peer } from '../peer-process.js';
import { writeTask, type PeerTask } from '../peer-tasks.js';
import { measured, type Measured } from './measure-gpu.js';

/** How PyTorch is timed. */
export interface TorchOptions {
  /** An interpreter with PyTorch for CUDA and numpy. */
  readonly python: string;
  /** The program in `../peers`. */
  readonly script: string;
  readonly rounds: number;
  /**
   * Called with the outputs of two steps in float32, by name, before any step is timed; an error it throws ends the
   * timing.
   */
  readonly onChecked: (values: Readonly<Record<string, readonly number[]>>) => void;
}

/** PyTorch's results on one task. */
export interface TorchResults {
  readonly measured: readonly Measured[];
  /** What could not be timed, why, and what to do, as a sentence; undefined if everything was timed. */
  readonly reason?: string;
}

/**
 * Times the step in PyTorch, eager, on the GPU: in float32, with products rounded to TF32, and with autocast to
 * bfloat16.
 */
export async function timeTorch(
  task: PeerTask,
  { python, script, rounds, onChecked }: TorchOptions,
): Promise<TorchResults> {
  const folder = await mkdtemp(join(tmpdir(), 'flowmap-torch-'));
  const results: Measured[] = [];
  let precision: string | undefined;
  try {
    await writeTask(task, join(folder, 'task'));
    for (precision of ['fp32', 'tf32', 'bf16']) {
      const threads = ['--threads', String(cpus().length)];
      const where = ['--device', 'cuda', '--precision', precision];
      const peer = await startPeer([python, script, 'torch', join(folder, 'task'), ...threads, ...where]);
      try {
        const { values } = await peer.check();
        if (precision === 'fp32') onChecked(values);
        results.push(await timed(peer, task, rounds));
      } finally {
        await peer.end();
      }
    }
    return { measured: results };
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    const cause = error.reason.trim().split('\n').at(-1) ?? '';
    return {
      measured: results,
      reason: results.length > 0 ? `PyTorch in ${precision} was not timed: ${cause}.` : absent(python, cause),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const absent = (python: string, cause: string): string =>
  `PyTorch was not timed: ${python} does not run it on CUDA here (${cause}). --python names one that has torch with CUDA, and numpy.`;

async function timed(peer: Peer, task: PeerTask, rounds: number): Promise<Measured> {
  await peer.time('train', 3);
  const { ms, peakDeviceMemory } = await peer.time('train', rounds);
  return measured(peer.ready.runtime, task, median(ms), peakDeviceMemory ?? undefined);
}

import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CheckpointError,
  decodeSafetensors,
  encodeSafetensors,
  quoted,
  WriteError,
  type Model,
  type Network,
  type ReadLimits,
} from '@flowmap/core';
import { loadModel, readTextFile, saveModel, writeFileAtomic } from '@flowmap/core/node';
import { causeText, type HostTensors } from '@flowmap/tensor';
import { z } from 'zod';
import { prefixed, withPrefix } from '../internal/names.js';
import { parseJsonFile } from './run-config.js';
import { namesIn } from './run-folder.js';

const progress = z.object({ version: z.literal(1), step: z.int().min(0), seconds: z.number().min(0) });

/** Everything that a run needs to go on as if it had never stopped. */
export interface Checkpoint {
  /** Steps taken. */
  readonly step: number;
  /** Time trained so far. */
  readonly seconds: number;
  readonly model: Model;
  /** The same network with the moving average of the weights. */
  readonly ema: Model;
  /** The optimizer's slots, `slot.parameter`. */
  readonly optimizer: HostTensors;
}

/** How many checkpoints are kept. */
const KEPT = 2;

/**
 * Writes a checkpoint to `checkpoints/<step>` in a run's folder, then moves the pointer `latest` to it and removes old ones.
 * Whenever this is interrupted, `latest` names a whole checkpoint.
 *
 * @returns its folder
 * @throws {WriteError} when it cannot be written
 */
export async function saveCheckpoint(folder: string, checkpoint: Checkpoint): Promise<string> {
  const { step, seconds, model, ema, optimizer } = checkpoint;
  const name = String(step).padStart(7, '0');
  const checkpoints = join(folder, 'checkpoints');
  const [target, temporary] = [join(checkpoints, name), join(checkpoints, `${name}.tmp`)];
  if ((await latestCheckpoint(folder)) === target) return target;

  await asWrite(target, () => rm(temporary, { recursive: true, force: true }));
  await saveModel(join(temporary, 'model.safetensors'), model);
  await saveModel(join(temporary, 'ema.safetensors'), ema);
  await writeFileAtomic(join(temporary, 'optimizer.safetensors'), encodeSafetensors(optimizer));
  await writeFileAtomic(join(temporary, 'state.json'), JSON.stringify({ version: 1, step, seconds }));
  await asWrite(target, async () => {
    await rm(target, { recursive: true, force: true }); // left by a run that stopped before it moved the pointer
    await rename(temporary, target);
  });
  await writeFileAtomic(join(folder, 'latest'), `${name}\n`);

  const names = (await namesIn(checkpoints)).sort();
  const old = names.filter((other) => other < name).slice(0, 1 - KEPT);
  const stale = names.filter((other) => other.endsWith('.tmp') || (other > name && /^\d+$/.test(other)));
  await asWrite(checkpoints, async () => {
    for (const other of [...old, ...stale]) await rm(join(checkpoints, other), { recursive: true, force: true });
  });
  return target;
}

/** Folder of the checkpoint that a run's pointer names; undefined when the run has none yet. */
export async function latestCheckpoint(folder: string): Promise<string | undefined> {
  if (!(await namesIn(folder)).includes('latest')) return undefined;
  const name = (await readTextFile(join(folder, 'latest'))).trim();
  if (!/^\d{7,16}$/.test(name)) {
    throw new CheckpointError(join(folder, 'latest'), `wanted the name of a checkpoint, got ${quoted(name)}`);
  }
  return join(folder, 'checkpoints', name);
}

/**
 * Reads a checkpoint.
 *
 * @param path its folder
 * @param limits how much its files may ask for
 * @throws {CheckpointError} naming the file that is missing, damaged or over a limit
 */
export async function loadCheckpoint(path: string, limits?: ReadLimits): Promise<Checkpoint> {
  const { step, seconds } = await parseJsonFile(join(path, 'state.json'), progress, limits);
  const source = join(path, 'optimizer.safetensors');
  const bytes = await readFile(source).catch((cause: unknown) => {
    throw new CheckpointError(source, `cannot be read (${causeText(cause)})`, { cause });
  });
  const model = await loadModel(join(path, 'model.safetensors'), limits);
  return {
    step,
    seconds,
    model,
    ema: await loadModel(join(path, 'ema.safetensors'), limits),
    optimizer: upgradedSlots(model.network, decodeSafetensors(bytes, source, limits).tensors),
  };
}

/** Slots have their parameters' shapes, and go with them where a parameter had another form in an earlier version. */
function upgradedSlots(network: Network, tensors: HostTensors): HostTensors {
  const slots = new Set(Object.keys(tensors).map((name) => name.slice(0, name.indexOf('.'))));
  const upgraded = [...slots].map((slot) => {
    const values = prefixed(slot, tensors);
    return withPrefix(slot, network.upgrade?.(values) ?? values);
  });
  return Object.assign({}, ...upgraded) as HostTensors;
}

async function asWrite(path: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (cause) {
    throw new WriteError(path, `cannot be written (${causeText(cause)})`, { cause });
  }
}

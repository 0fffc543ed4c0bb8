import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CheckpointError,
  decodeModel,
  decodeSafetensors,
  encodeSafetensors,
  modelMetadata,
  quoted,
  WriteError,
  type Model,
  type ReadLimits,
  type Safetensors,
  type TrainedParameters,
  prefixed,
  withPrefix,
} from '@flowmap/core';
import { loadModel, readTextFile, writeFileAtomic } from '@flowmap/core/node';
import { causeText, type HostTensors } from '@flowmap/tensor';
import { z } from 'zod';
import type { Trainees } from '../internal/groups.js';
import type { Checkpoint } from '../run-store.js';
import { parseJsonFile } from './run-config.js';
import { namesIn } from './run-folder.js';

/** Layout of a checkpoint's files: 1 had separate files for one model, its average and its optimizer. */
const VERSION = 2;

const progress = z.object({ version: z.int().min(1).max(VERSION), step: z.int().min(0), seconds: z.number().min(0) });

/** The only trainee in checkpoints of the first layout. */
const ONLY = 'student';

/** File with the state of a checkpoint. */
export const STATE_FILE = 'state.safetensors';

/** Number of checkpoints kept. */
const KEPT = 2;

/**
 * Writes a checkpoint to `checkpoints/<step>` in a run's folder, then moves the pointer `latest` to it and removes old
 * ones. Whenever this is interrupted, `latest` names a complete checkpoint.
 *
 * @returns the folder of the checkpoint
 * @throws {WriteError} when it cannot be written
 */
export async function saveCheckpoint(
  folder: string,
  { step, seconds, state }: Checkpoint,
  trainees: Trainees,
): Promise<string> {
  const name = String(step).padStart(7, '0');
  const checkpoints = join(folder, 'checkpoints');
  const [target, temporary] = [join(checkpoints, name), join(checkpoints, `${name}.tmp`)];
  if ((await latestCheckpoint(folder)) === target) return target;

  await asWrite(target, () => rm(temporary, { recursive: true, force: true }));
  await writeFileAtomic(join(temporary, STATE_FILE), encodeSafetensors(state, modelsOf(trainees)));
  await writeFileAtomic(join(temporary, 'state.json'), JSON.stringify({ version: VERSION, step, seconds }));
  await asWrite(target, async () => {
    await rm(target, { recursive: true, force: true }); // left by a run that stopped before moving the pointer
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

/** Metadata key that lists the trainee's parameters that do not belong to its model, one per line. */
const BESIDE = 'beside';

/** Descriptions of the models among trainees, by `<trainee>.<key>`. */
function modelsOf(trainees: Trainees): Record<string, string> {
  const described = Object.entries(trainees).map(([name, { model, parameters }]) => {
    if (model === undefined) return {};
    const beside = Object.keys(parameters).filter((parameter) => !Object.hasOwn(model.network.parameters, parameter));
    return withPrefix(name, {
      ...modelMetadata(model),
      ...(beside.length > 0 ? { [BESIDE]: beside.join('\n') } : {}),
    });
  });
  return Object.assign({}, ...described) as Record<string, string>;
}

/**
 * Loads a model from a checkpoint of a run.
 *
 * @param path folder of the checkpoint, `<run>/checkpoints/<step>`
 * @param options.trainee `student` unless given
 * @param options.average one of its averages; the parameters themselves unless given
 * @param limits limits on what its file may ask for
 * @throws {CheckpointError} when the checkpoint is damaged, exceeds a limit, or has no such model
 */
export async function loadTrained(
  path: string,
  { trainee = ONLY, average }: TrainedParameters = {},
  limits?: ReadLimits,
): Promise<Model> {
  const source = join(path, STATE_FILE);
  const { tensors, metadata } = await readState(source, limits);
  const { [BESIDE]: beside = '', ...description } = prefixed(trainee, metadata);
  const others = new Set(beside.split('\n'));
  const valuesOf = (part: string): HostTensors => {
    const values = Object.entries(prefixed(`${trainee}.${part}`, tensors)).filter(([name]) => !others.has(name));
    if (values.length > 0 && Object.keys(description).length > 0) return Object.fromEntries(values);
    throw new CheckpointError(source, `has no model ${quoted(`${trainee}.${part}`)}`);
  };
  const decoded = (params: HostTensors): Model => decodeModel(encodeSafetensors(params, description), source, limits);

  const model = decoded(valuesOf('params'));
  if (average === undefined) return model;
  const { parameters } = model.network;
  const fixed = Object.entries(model.params).filter(([name]) => parameters[name]!.fixed === true);
  return decoded({ ...Object.fromEntries(fixed), ...valuesOf(average) });
}

/** Folder of the checkpoint that a run's pointer names; undefined if the run has none yet. */
export async function latestCheckpoint(folder: string): Promise<string | undefined> {
  if (!(await namesIn(folder)).includes('latest')) return undefined;
  const name = (await readTextFile(join(folder, 'latest'))).trim();
  if (!/^\d{7,16}$/.test(name)) {
    throw new CheckpointError(join(folder, 'latest'), `wanted the name of a checkpoint, got ${quoted(name)}`);
  }
  return join(folder, 'checkpoints', name);
}

/**
 * Reads a checkpoint, also of an earlier layout. Parameters that had another form in an earlier version are converted
 * to the current one, together with what the optimizer and the averages keep of them.
 *
 * @param path folder of the checkpoint
 * @param limits limits on what its files may ask for
 * @throws {CheckpointError} naming the file that is missing, damaged or exceeds a limit
 */
export async function loadCheckpoint(path: string, trainees: Trainees, limits?: ReadLimits): Promise<Checkpoint> {
  const { version, step, seconds } = await parseJsonFile(join(path, 'state.json'), progress, limits);
  const state = version === 1 ? await firstLayout(path, limits) : await tensorsIn(join(path, STATE_FILE), limits);
  return { step, seconds, state: upgraded(state, trainees) };
}

async function firstLayout(path: string, limits?: ReadLimits): Promise<HostTensors> {
  const model = await loadModel(join(path, 'model.safetensors'), limits);
  const average = await loadModel(join(path, 'ema.safetensors'), limits);
  const slots = await tensorsIn(join(path, 'optimizer.safetensors'), limits);
  return withPrefix(ONLY, {
    ...withPrefix('params', model.params),
    ...withPrefix('ema', average.params),
    ...slots,
  });
}

async function tensorsIn(source: string, limits?: ReadLimits): Promise<HostTensors> {
  return (await readState(source, limits)).tensors;
}

async function readState(source: string, limits?: ReadLimits): Promise<Safetensors> {
  const bytes = await readFile(source).catch((cause: unknown) => {
    throw new CheckpointError(source, `cannot be read (${causeText(cause)})`, { cause });
  });
  return decodeSafetensors(bytes, source, limits);
}

/**
 * All parts of a trainee have the shapes of its parameters, so they are converted along with a parameter that had
 * another form.
 */
function upgraded(state: HostTensors, trainees: Trainees): HostTensors {
  const parts = new Set(Object.keys(state).map((name) => name.split('.', 2).join('.')));
  const changed = [...parts].map((part) => {
    const trainee = trainees[part.split('.')[0]!];
    const values = prefixed(part, state);
    return withPrefix(part, trainee?.upgrade?.(values) ?? values);
  });
  return { ...state, ...(Object.assign({}, ...changed) as HostTensors) };
}

async function asWrite(path: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (cause) {
    throw new WriteError(path, `cannot be written (${causeText(cause)})`, { cause });
  }
}

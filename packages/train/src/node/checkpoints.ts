import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
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
import { loadModel, readTextFile, syncFolder, writeFileAtomic } from '@flowmap/core/node';
import { causeText, requireKnownOptions, type HostTensors } from '@flowmap/tensor';
import type { Trainees } from '../internal/groups.js';
import type { Checkpoint } from '../run-store.js';
import {
  checkpointName,
  digestOf,
  encodeManifest,
  MANIFEST,
  readManifest,
  readPart,
  type Manifest,
} from './manifest.js';
import { namesIn } from './run-folder.js';

/** The only trainee in checkpoints of the first layout. */
const ONLY = 'student';

/** File with the state of a checkpoint. */
export const STATE_FILE = 'state.safetensors';

/** Number of checkpoints kept. */
const KEPT = 2;

/** What a checkpoint is tied to. */
export type Origin = Pick<Manifest, 'run' | 'log'>;

/**
 * Writes a checkpoint to `checkpoints/<step>` in a run's folder, then moves the pointer `latest` to it and removes old
 * ones of the same run. Whenever this is interrupted, `latest` names a complete checkpoint.
 *
 * @param options.origin the run that the checkpoint is of, and its log
 * @param options.keep steps between milestones, which are not removed
 * @returns the folder of the checkpoint
 * @throws {WriteError} when it cannot be written
 */
export async function saveCheckpoint(
  folder: string,
  { step, seconds, state }: Checkpoint,
  trainees: Trainees,
  { origin = {}, keep = Infinity }: { readonly origin?: Origin; readonly keep?: number } = {},
): Promise<string> {
  const name = checkpointName(step);
  const checkpoints = join(folder, 'checkpoints');
  const [target, temporary] = [join(checkpoints, name), join(checkpoints, `${name}.tmp`)];
  const isThere = (await namesIn(checkpoints)).includes(name);
  if (isThere && (await latestCheckpoint(folder)) === target) return target;

  await asWrite(target, () => rm(temporary, { recursive: true, force: true }));
  const bytes = encodeSafetensors(state, modelsOf(trainees));
  const manifest = encodeManifest({ step, seconds, ...origin, files: { [STATE_FILE]: digestOf(bytes) } });
  await writeFileAtomic(join(temporary, STATE_FILE), bytes);
  await writeFileAtomic(join(temporary, MANIFEST), manifest);
  // What is there already was left by this run, if it stopped before moving the pointer.
  if (isThere && !(await isOf(origin, target))) await putAside([target]);
  await asWrite(target, async () => {
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
    await syncFolder(checkpoints);
  });
  await writeFileAtomic(join(folder, 'latest'), `${name}\n`);

  const names = (await namesIn(checkpoints)).sort();
  const numbered = names.filter(isName);
  const old = numbered.filter((other) => other < name).slice(0, 1 - KEPT);
  const passed = old.filter((other, i) => !isMilestone(Number(other), i > 0 ? Number(old[i - 1]) : 0, keep));
  const others = [...passed, ...numbered.filter((other) => other > name)].map((other) => join(checkpoints, other));
  await asWrite(checkpoints, async () => {
    for (const other of others) if (await isOf(origin, other)) await rm(other, { recursive: true, force: true });
    for (const left of names.filter((other) => isName(other.replace(/\.tmp$/, '')) && !isName(other))) {
      await rm(join(checkpoints, left), { recursive: true, force: true });
    }
  });
  return target;
}

/** Whether a checkpoint is the first at or after a multiple of `keep` steps. */
function isMilestone(step: number, before: number, keep: number): boolean {
  return Math.floor(step / keep) > Math.floor(before / keep);
}

/** Whether a checkpoint is intact and belongs to a run: others are not removed. */
async function isOf({ run }: Origin, path: string): Promise<boolean> {
  try {
    return (await readManifest(path)).run === run;
  } catch (error) {
    if (error instanceof CheckpointError) return false;
    throw error;
  }
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
export async function loadTrained(path: string, options: TrainedParameters = {}, limits?: ReadLimits): Promise<Model> {
  requireKnownOptions('loadTrained', options, { trainee: true, average: true });
  const { trainee = ONLY, average } = options;
  const source = join(path, STATE_FILE);
  const { tensors, metadata } = await readState(path, await readManifest(path, limits), limits);
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

/** Whether a name is that of a checkpoint. */
function isName(name: string): boolean {
  return /^\d{7,16}$/.test(name);
}

/** Folder of the checkpoint that a run's pointer names; undefined if there is no pointer. */
export async function latestCheckpoint(folder: string): Promise<string | undefined> {
  if (!(await namesIn(folder)).includes('latest')) return undefined;
  const name = (await readTextFile(join(folder, 'latest'))).trim();
  if (!isName(name)) {
    throw new CheckpointError(join(folder, 'latest'), `wanted the name of a checkpoint, got ${quoted(name)}`);
  }
  return join(folder, 'checkpoints', name);
}

/** The checkpoint to continue from. */
export interface Found {
  /** Its folder; undefined if there is none. */
  readonly checkpoint: string | undefined;
  /** What was found to be wrong, and what was done about it. */
  readonly notes: readonly string[];
  /** Folders of newer checkpoints that are damaged. */
  readonly damaged: readonly string[];
}

/**
 * Finds the checkpoint that the pointer names, or the newest intact one if the pointer or that checkpoint is missing
 * or damaged.
 *
 * @throws {CheckpointError} when the pointer is damaged, there are checkpoints but none is intact, or one exceeds a
 *   limit or may not be read
 */
export async function findCheckpoint(folder: string, limits?: ReadLimits): Promise<Found> {
  const checkpoints = join(folder, 'checkpoints');
  const pointed = await latestCheckpoint(folder);
  const named = pointed === undefined ? undefined : basename(pointed);
  const names = (await namesIn(checkpoints)).filter(isName).sort().reverse();
  if (named === undefined && names.length === 0) return { checkpoint: undefined, notes: [], damaged: [] };
  const isThere = named !== undefined && names.includes(named);
  // Those after the one that the pointer names are unfinished, or from before the pointer was moved back.
  const candidates = isThere ? names.slice(names.indexOf(named)) : names;
  const fault = isThere ? 'is damaged' : 'is missing';
  const what = named === undefined ? 'latest is missing' : `latest names ${named}, which ${fault}`;
  const damaged: { readonly path: string; readonly error: CheckpointError }[] = [];
  for (const name of candidates) {
    const checkpoint = join(checkpoints, name);
    try {
      await readCheckpoint(checkpoint, limits);
      const note = `${what}; goes on from the newest whole checkpoint, ${name}`;
      const aside = damaged.map(({ path, error }) => `${path} is put aside (${error.message})`);
      const paths = damaged.map(({ path }) => path);
      return { checkpoint, notes: name === named ? [] : [note, ...aside], damaged: paths };
    } catch (error) {
      if (!(error instanceof CheckpointError) || !isDamage(error)) throw error;
      damaged.push({ path: checkpoint, error });
    }
  }
  if (isThere && damaged.length === 1) throw damaged[0]!.error;
  throw new CheckpointError(
    join(folder, 'latest'),
    `${what}, and no checkpoint is whole; nothing was changed. Restore one, or choose another folder`,
    { cause: damaged[0]?.error },
  );
}

/** The errors of a system that refuses to read a file, which may still be intact. */
const WITHHELD = ['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOMEM'];

/** Whether a checkpoint that cannot be read is damaged. */
function isDamage({ limit, cause }: CheckpointError): boolean {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return limit === undefined && !WITHHELD.includes(code);
}

/**
 * Renames the folders of damaged checkpoints, so that nothing mistakes them for intact ones or
 * removes them.
 *
 * @throws {WriteError} when one cannot be renamed
 */
export async function putAside(damaged: readonly string[]): Promise<void> {
  for (const path of damaged) {
    const names = await namesIn(dirname(path));
    const free = (number: number): string => `${path}.damaged${number === 1 ? '' : `-${number}`}`;
    let number = 1;
    while (names.includes(basename(free(number)))) number++;
    await asWrite(path, async () => {
      await rename(path, free(number));
      await syncFolder(dirname(path));
    });
  }
}

/**
 * Reads a checkpoint, even of an earlier layout. Parameters that had another form in an earlier version are converted
 * to the current one, together with what the optimizer and the averages keep for them.
 *
 * @param path folder of the checkpoint
 * @param limits limits on what its files may ask for
 * @throws {CheckpointError} naming the file that is missing, damaged, of another checkpoint or exceeds a limit
 */
export async function loadCheckpoint(
  path: string,
  trainees: Trainees,
  limits?: ReadLimits,
): Promise<Checkpoint & Origin> {
  const { state, ...facts } = await readCheckpoint(path, limits);
  return { ...facts, state: upgraded(state, trainees) };
}

async function readCheckpoint(path: string, limits?: ReadLimits): Promise<Checkpoint & Origin> {
  const manifest = await readManifest(path, limits);
  const { version, step, seconds, run, log } = manifest;
  const state = version === 1 ? await firstLayout(path, limits) : (await readState(path, manifest, limits)).tensors;
  for (const [tensor, { data }] of Object.entries(state)) {
    if (!data.every(Number.isNaN)) continue;
    throw new CheckpointError(join(path, STATE_FILE), `the tensor ${quoted(tensor)} is NaN throughout`, { tensor });
  }
  return { step, seconds, state, ...(run === undefined ? {} : { run }), ...(log ? { log } : {}) };
}

async function firstLayout(path: string, limits?: ReadLimits): Promise<HostTensors> {
  const model = await loadModel(join(path, 'model.safetensors'), limits);
  const average = await loadModel(join(path, 'ema.safetensors'), limits);
  const optimizer = join(path, 'optimizer.safetensors');
  const { tensors: slots } = decodeSafetensors(
    await readPart(path, basename(optimizer), { version: 1, step: 0, seconds: 0 }),
    optimizer,
    limits,
  );
  return withPrefix(ONLY, {
    ...withPrefix('params', model.params),
    ...withPrefix('ema', average.params),
    ...slots,
  });
}

async function readState(path: string, manifest: Manifest, limits?: ReadLimits): Promise<Safetensors> {
  return decodeSafetensors(await readPart(path, STATE_FILE, manifest), join(path, STATE_FILE), limits);
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

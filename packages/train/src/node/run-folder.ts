import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { causeText, ConfigError, WriteError, type Model, type ReadLimits } from '@flowmap/core';
import { readRunConfig } from './run-config.js';

/** A folder for a run. */
export interface RunFolder {
  readonly folder: string;
  /** True if it holds an unfinished run, which training there resumes. */
  readonly resumes: boolean;
}

/** Name of the finished model's file, by its kind. */
export const resultFile: Readonly<Record<Model['kind'], string>> = {
  velocity: 'teacher.safetensors',
  flowMap: 'student.safetensors',
};

/** What a run keeps in its folder; a folder with any of these but no config.json is not that of a run. */
const CHECKPOINTS = ['checkpoints', 'latest'];
const OWN = ['log.jsonl', ...CHECKPOINTS, ...Object.values(resultFile)];

/**
 * The folder for a run at `base`: `base` itself, or the first of `base-2`, `base-3`, … that does not hold a finished
 * run. An unfinished run there is to be resumed.
 *
 * @param limits limits on what the folder's config.json may ask for
 * @throws {WriteError} when the path is a file, or the folder cannot be read
 * @throws {CheckpointError} when the folder's config.json is damaged or exceeds a limit
 * @throws {ConfigError} when the folder has checkpoints, but no config.json
 */
export async function nextRunFolder(base: string, limits?: ReadLimits): Promise<RunFolder> {
  for (let number = 1; ; number++) {
    const folder = number === 1 ? base : `${base}-${number}`;
    const names = await namesIn(folder);
    if (names.includes('config.json')) {
      const { kind } = await readRunConfig(join(folder, 'config.json'), limits);
      if (!names.includes(resultFile[kind])) return { folder, resumes: true };
    } else if (CHECKPOINTS.some((name) => names.includes(name))) {
      await requireRunFolder(folder);
    } else if (!OWN.some((name) => names.includes(name))) {
      return { folder, resumes: false };
    }
  }
}

/**
 * Checks that a folder can be that of a run, finished or not, or of a new one.
 *
 * @throws {ConfigError} when it holds files of a run, but not its settings
 * @throws {WriteError} when the path is a file, or the folder cannot be read
 */
export async function requireRunFolder(folder: string): Promise<void> {
  const names = await namesIn(folder);
  const own = OWN.find((name) => names.includes(name));
  if (own === undefined || names.includes('config.json')) return;
  throw new ConfigError(
    'out',
    `wanted the folder of a run, or a new one; '${folder}' has ${own} but no config.json. Put it back, or choose another folder`,
  );
}

/**
 * Checks during training that a folder is still that of the run.
 *
 * @param id identity of the run in its config.json; not compared if it has none
 * @throws {WriteError} when it was removed, moved away or replaced
 */
export async function requireStillThere(folder: string, id: string | undefined): Promise<void> {
  const names = await namesIn(folder);
  const isThere =
    names.includes('log.jsonl') &&
    (id === undefined ||
      (names.includes('config.json') && (await readRunConfig(join(folder, 'config.json'))).id === id));
  if (isThere) return;
  throw new WriteError(folder, 'is not the folder of this run any more: it was removed, moved or replaced meanwhile');
}

/** Names in a folder; none if it does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw new WriteError(folder, `cannot be used as a folder for a run (${causeText(cause)})`, { cause });
  }
}

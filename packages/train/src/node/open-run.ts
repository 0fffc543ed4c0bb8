import { randomUUID } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { causeText, CheckpointError, ConfigError, encodeModel, WriteError, type Model } from '@flowmap/core';
import { makeFolder, removeTemporaries, syncFolder, writeFileAtomic } from '@flowmap/core/node';
import type { Checkpoint } from '../run-store.js';
import { findCheckpoint, loadCheckpoint, type Origin } from './checkpoints.js';
import { keptPath } from './kept.js';
import { digestOf, MANIFEST } from './manifest.js';
import { requireFit } from './require-fit.js';
import { differencesOf, extensionOf, readRunConfig, requireSameRun, runConfigOf } from './run-config.js';
import type { RunConfig } from './run-config.js';
import { namesIn, resultFile } from './run-folder.js';
import type { TrainSetup } from './setup.js';

/** A run folder that is ready for training. */
export interface Run {
  readonly folder: string;
  /** The checkpoint to resume from; undefined at the start. */
  readonly from: (Checkpoint & Origin) | undefined;
  /** Folder of that checkpoint. */
  readonly checkpoint: string | undefined;
  /** Identity of the run, in its config.json; runs of earlier versions have none. */
  readonly id: string | undefined;
  /** Newer checkpoints that are damaged. */
  readonly damaged: readonly string[];
  /** Notes on resuming from there. */
  readonly notes: readonly string[];
  /** Records the settings in config.json at the start of a run. */
  readonly begin: () => Promise<void>;
  /** Writes the result, which config.json names by its checksum. */
  readonly finish: (result: Model) => Promise<void>;
}

/**
 * Finds the checkpoint to resume from if an earlier call left one in the run's folder, which this process has locked;
 * otherwise `begin` records the settings in config.json. A run that is extended gets its new settings there, beside the
 * previous ones; if it was finished, its result is kept in `kept`.
 *
 * @throws {RunMismatchError} when the run there has other settings
 * @throws {ConfigError} when a run is to be extended to fewer steps than it has taken
 * @throws {CheckpointError} when its files are damaged, exceed a limit, or do not belong to this run
 * @throws {WriteError} when the folder cannot be written
 */
export async function openRun(setup: TrainSetup, folder: string): Promise<Run> {
  await removeTemporaries(folder);
  const path = join(folder, 'config.json');
  const config = runConfigOf(setup);
  const write = (content: RunConfig): Promise<void> => writeFileAtomic(path, `${JSON.stringify(content, null, 2)}\n`);
  const finish = async (result: Model): Promise<void> => {
    const bytes = encodeModel(result);
    await write({ ...(await readRunConfig(path, setup.limits)), result: digestOf(bytes) });
    await writeFileAtomic(join(folder, resultFile[setup.kind]), bytes);
  };
  const { checkpoint, damaged, notes: repaired } = await findCheckpoint(folder, setup.limits);
  if (checkpoint === undefined) {
    const id = randomUUID();
    const begin = (): Promise<void> => write({ ...config, id });
    return { folder, from: undefined, checkpoint, id, damaged, notes: [], begin, finish };
  }
  const there = await readRunConfig(path, setup.limits);
  const extension = setup.whenFinished === 'extend' ? extensionOf(folder, there, setup) : undefined;
  if (extension === undefined) requireSameRun(folder, there, setup);
  const from = await loadCheckpoint(checkpoint, setup.trainees, setup.limits);
  if (extension !== undefined && setup.iterations < from.step) {
    const wanted = `wanted at least ${from.step}, the steps that ${folder} has taken`;
    throw new ConfigError('iterations', `${wanted}; got ${setup.iterations}`);
  }
  const { id } = there;
  if (from.run !== id) {
    throw new CheckpointError(join(checkpoint, MANIFEST), `is of another run than ${path}; put back what belongs here`);
  }
  requireFit(from, setup, checkpoint);
  const changed = there.environment === undefined ? [] : differencesOf(there.environment, config.environment ?? {});
  const note = `goes on in other circumstances (${changed.join('; ')}); its numbers will not be those of a run in one go to the bit`;
  const notes = [...repaired, ...(changed.length > 0 ? [note] : [])];
  const run = { folder, from, checkpoint, id, damaged, finish };
  if (extension === undefined) return { ...run, notes, begin: () => Promise.resolve() };

  const { step } = from;
  return {
    ...run,
    notes: [`is extended from step ${step} on (${extension.changes.join('; ')})`, ...notes],
    async begin() {
      await keepResult(folder, there.kind, step); // a folder that has a result is that of a finished run
      await write({
        ...config,
        ...(id === undefined ? {} : { id }),
        extended: [...(there.extended ?? []), { step, before: extension.before }],
      });
    },
  };
}

/** Moves the result of a finished run to `kept/<teacher or student>.<step>.safetensors`. */
async function keepResult(folder: string, kind: Model['kind'], step: number): Promise<void> {
  if (!(await namesIn(folder)).includes(resultFile[kind])) return;
  const name = `${basename(resultFile[kind], '.safetensors')}.${String(step).padStart(7, '0')}`;
  const path = keptPath(folder, name);
  try {
    await makeFolder(dirname(path));
    await rename(join(folder, resultFile[kind]), path);
    await syncFolder(dirname(path));
    await syncFolder(folder);
  } catch (cause) {
    throw new WriteError(path, `cannot be written (${causeText(cause)})`, { cause });
  }
}

import { join } from 'node:path';
import { removeTemporaries, writeFileAtomic } from '@flowmap/core/node';
import type { Checkpoint } from '../run-store.js';
import { latestCheckpoint, loadCheckpoint } from './checkpoints.js';
import { requireFit } from './require-fit.js';
import { differencesOf, readRunConfig, requireSameRun, runConfigOf } from './run-config.js';
import type { TrainSetup } from './setup.js';

/** A run folder that is ready for training. */
export interface Run {
  readonly folder: string;
  /** The checkpoint to resume from; undefined at the start. */
  readonly from: Checkpoint | undefined;
  /** Folder of that checkpoint. */
  readonly checkpoint: string | undefined;
  /** Notes on resuming from there. */
  readonly notes: readonly string[];
  /** Records the settings in config.json at the start of a run. */
  readonly begin: () => Promise<void>;
}

/**
 * Finds the checkpoint to resume from if an earlier call left one in the run's folder, which this process has locked;
 * otherwise `begin` records the settings in config.json.
 *
 * @throws {RunMismatchError} when the unfinished run there has other settings
 * @throws {CheckpointError} when its files are damaged, exceed a limit, or do not belong to this run
 * @throws {WriteError} when the folder cannot be written
 */
export async function openRun(setup: TrainSetup, folder: string): Promise<Run> {
  await removeTemporaries(folder);
  const path = join(folder, 'config.json');
  const config = runConfigOf(setup);
  const checkpoint = await latestCheckpoint(folder);
  if (checkpoint === undefined) {
    const begin = (): Promise<void> => writeFileAtomic(path, `${JSON.stringify(config, null, 2)}\n`);
    return { folder, from: undefined, checkpoint, notes: [], begin };
  }
  const there = await readRunConfig(path, setup.limits);
  requireSameRun(folder, there, config);
  const from = await loadCheckpoint(checkpoint, setup.trainees, setup.limits);
  requireFit(from, setup, checkpoint);
  const changed = there.environment === undefined ? [] : differencesOf(there.environment, config.environment ?? {});
  const note = `goes on in other circumstances (${changed.join('; ')}); its numbers will not be those of a run in one go to the bit`;
  return { folder, from, checkpoint, notes: changed.length > 0 ? [note] : [], begin: () => Promise.resolve() };
}

import { join } from 'node:path';
import { writeFileAtomic } from '@flowmap/core/node';
import { latestCheckpoint, loadCheckpoint, type Checkpoint } from './checkpoints.js';
import { requireFit } from './require-fit.js';
import { readRunConfig, requireSameRun, runConfigOf } from './run-config.js';
import { nextRunFolder } from './run-folder.js';
import type { TrainSetup } from './setup.js';

/** A run folder that is ready for training. */
export interface Run {
  readonly folder: string;
  /** Where to go on from; undefined at the start. */
  readonly from: Checkpoint | undefined;
  /** Folder of that checkpoint. */
  readonly checkpoint: string | undefined;
}

/**
 * Finds the folder of a run, and the checkpoint to go on from when an earlier call left one there; else records the
 * settings in config.json.
 *
 * @throws {RunMismatchError} when the unfinished run there has other settings
 * @throws {CheckpointError} when its files are damaged, over a limit, or not of this run
 * @throws {WriteError} when the folder cannot be written
 */
export async function openRun(setup: TrainSetup): Promise<Run> {
  const { folder, resumes } = await nextRunFolder(setup.out, setup.limits);
  const path = join(folder, 'config.json');
  const config = runConfigOf(setup);
  const checkpoint = resumes ? await latestCheckpoint(folder) : undefined;
  if (checkpoint === undefined) {
    await writeFileAtomic(path, `${JSON.stringify(config, null, 2)}\n`);
    return { folder, from: undefined, checkpoint };
  }
  requireSameRun(folder, await readRunConfig(path, setup.limits), config);
  const from = await loadCheckpoint(checkpoint, setup.limits);
  requireFit(from, setup, checkpoint);
  return { folder, from, checkpoint };
}

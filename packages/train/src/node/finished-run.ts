import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { causeText, CheckpointError, decodeModel, FolderInUseError, WriteError } from '@flowmap/core';
import { lockFolder, removeTemporaries } from '@flowmap/core/node';
import { latestCheckpoint } from './checkpoints.js';
import { openLog } from './log.js';
import { digestOf, readManifest, type LogFacts } from './manifest.js';
import type { TrainResult } from './options.js';
import { showNote } from './progress.js';
import { isSameRun, readRunConfig, requireSameRun } from './run-config.js';
import { namesIn, resultFile } from './run-folder.js';
import type { TrainSetup } from './setup.js';

/**
 * The result of the finished run in the folder `out`, if it is to be loaded.
 *
 * @returns undefined if there is none, or the run is to be extended
 * @throws {RunMismatchError} when it has other settings
 * @throws {CheckpointError} when its files are damaged or exceed a limit
 */
export async function finishedRun(setup: TrainSetup): Promise<TrainResult | undefined> {
  const { out: folder, limits, whenFinished } = setup;
  if (whenFinished === 'new') return undefined;
  const names = await namesIn(folder);
  if (!names.includes('config.json')) return undefined;
  const there = await readRunConfig(join(folder, 'config.json'), limits);
  if (!names.includes(resultFile[there.kind])) return undefined;
  if (whenFinished === 'extend' && !isSameRun(there, setup)) return undefined;
  requireSameRun(folder, there, setup);
  const path = join(folder, resultFile[there.kind]);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new CheckpointError(path, `cannot be read (${causeText(cause)})`, { cause });
  });
  const model = decodeModel(bytes, path, limits);
  if (there.result !== undefined && there.result !== digestOf(bytes)) {
    throw new CheckpointError(
      path,
      'is not the result of the run in its folder; put that back, or choose another folder',
    );
  }
  if (names.includes('lock')) await tidy(folder);
  const { records, notes } = await openLog(join(folder, 'log.jsonl'), Infinity, await loggedBy(folder));
  for (const note of notes) {
    showNote(setup.progress, setup.phase.name, note);
    setup.onNote(note);
  }
  const step = Number(model.training?.['step'] ?? setup.iterations);
  return { model, folder, completed: true, step, log: records };
}

/** The log as it was at the last checkpoint; undefined if the checkpoint does not record it. */
async function loggedBy(folder: string): Promise<LogFacts | undefined> {
  try {
    const checkpoint = await latestCheckpoint(folder);
    return checkpoint === undefined ? undefined : (await readManifest(checkpoint)).log;
  } catch (error) {
    if (error instanceof CheckpointError) return undefined; // nothing that is loaded depends on the checkpoint
    throw error;
  }
}

/** Removes what a process left behind that died after writing the result. */
async function tidy(folder: string): Promise<void> {
  try {
    const lock = lockFolder(folder);
    await removeTemporaries(folder).finally(() => lock.release());
  } catch (error) {
    if (!(error instanceof FolderInUseError || error instanceof WriteError)) throw error;
  }
}

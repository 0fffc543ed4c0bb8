import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { causeText, CheckpointError, decodeModel } from '@flowmap/core';
import { openLog } from './log.js';
import { digestOf } from './manifest.js';
import type { TrainResult } from './options.js';
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
  const { records } = await openLog(join(folder, 'log.jsonl'), Infinity);
  const step = Number(model.training?.['step'] ?? setup.iterations);
  return { model, folder, completed: true, step, log: records };
}

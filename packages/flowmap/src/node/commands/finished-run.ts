import type { TrainResult } from '@flowmap/train/node';
import type { Answer, Talk } from './command.js';

/**
 * Says where a finished run is.
 *
 * @param fileOf the model's file in the folder of the run
 * @throws the signal's reason when the run was interrupted
 */
export function finishedRun(
  { completed, folder, step, log }: TrainResult,
  fileOf: (folder: string) => string,
  { signal, print }: Talk,
): Answer {
  if (!completed) throw signal.reason;
  const checkpoint = fileOf(folder);
  print(`${checkpoint}: finished after ${step} steps; \`flowmap sample ${checkpoint}\` draws samples`);
  return { folder, checkpoint, step, last: log.at(-1) ?? null };
}

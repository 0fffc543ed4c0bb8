import { ConfigError, flowMapFrom, matchClasses } from '@flowmap/core';
import type { DistillOptions, TrainResult, TrainVelocityFieldOptions } from './options.js';
import { requireWhole, setUp } from './setup.js';
import { train } from './training-loop.js';

/**
 * Trains a network from scratch on data, by flow matching or another objective that needs no teacher: makes a teacher.
 *
 * The run's folder holds config.json, log.jsonl, checkpoints and in the end `teacher.safetensors` (`student.safetensors` for
 * a network with an interval input), the moving average of the weights. Aborted or killed, and called again with the
 * same options, it goes on where it was: on the same machine, runtime and thread count, and with the same `stepsPerRun`,
 * with the same bits as if it had never stopped. Called again after it has finished, it starts a new run in the next numbered folder.
 * Until it returns the folder is locked: nobody else can train there.
 *
 * @throws {ConfigError} for an option that makes no sense or does not fit, before anything is written
 * @throws {WriteError} when the folder cannot be written, before training starts
 * @throws {FolderInUseError} when another process, or another call in this one, trains in the folder
 * @throws {RunMismatchError} when the folder holds an unfinished run with other settings
 * @throws {CheckpointError} when the checkpoint to resume is damaged
 * @throws {SampleError} when a sample has a label outside the data's classes or holds a NaN or an infinity, before it is trained
 *   on; checkpoints made before stay whole
 * @throws {NonFiniteError} when a quantity becomes NaN or infinite; checkpoints made before stay whole
 * @throws {RuntimeLostError} when the runtime fails on the way; the same call goes on from the checkpoint that it names
 */
export async function trainVelocityField(options: TrainVelocityFieldOptions): Promise<TrainResult> {
  const { network, seed } = options;
  requireWhole('seed', seed, 0);
  return train(setUp(options, { network, initialParams: network.init(seed), peak: 1e-3 }));
}

/**
 * Distils a velocity field into a flow map that samples in a few steps. The student is the teacher's network with an input
 * for the target time, and starts as the teacher. Folder, interruption and errors are those of {@link trainVelocityField};
 * the result is `student.safetensors`.
 *
 * Names decide which class is which: data that has the teacher's classes in another order has its labels changed to the
 * teacher's order, with a note, and the student has the teacher's names.
 *
 * @throws {ConfigError} when the teacher is a flow map, or has classes and the data has others, before anything is written
 */
export async function distill(options: DistillOptions): Promise<TrainResult> {
  const { teacher, seed } = options;
  requireWhole('seed', seed, 0);
  if (teacher.kind !== 'velocity') throw new ConfigError('teacher', 'wanted a velocity field, got a flow map');
  const { data, reordered } = matchClasses(options.data, teacher);
  const note = `'${data.name}' has the teacher's classes in another order; its labels are changed to the teacher's order`;
  const { network, params } = flowMapFrom(teacher, seed);
  const subject = { network, initialParams: params, teacher, peak: 2e-4, notes: reordered ? [note] : [] };
  return train(setUp({ ...options, data }, subject));
}

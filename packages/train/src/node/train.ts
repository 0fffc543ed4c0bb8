import { ConfigError, flowMapFrom, matchClasses, pathOf, type Model } from '@flowmap/core';
import { lockChosenFolder } from '@flowmap/core/node';
import { requireWhole } from '@flowmap/tensor';
import { checkpoints } from '../callbacks/checkpoints.js';
import { logging } from '../callbacks/logging.js';
import { train } from '../train.js';
import { checkDistillOptions, checkFieldOptions } from './check-options.js';
import { finishedRun } from './finished-run.js';
import { folderStore } from './folder-store.js';
import { openRun } from './open-run.js';
import type { DistillOptions, TrainResult, TrainVelocityFieldOptions } from './options.js';
import { loadBar } from './progress-bar.js';
import { progress, showNote } from './progress.js';
import { nextRunFolder, requireRunFolder, requireStillThere } from './run-folder.js';
import { setUp, type TrainSetup } from './setup.js';
import { startingField, startingStudent } from './starting-model.js';

/**
 * Trains a network from scratch on data, with flow matching or another objective that needs no teacher; the result can
 * serve as a teacher.
 *
 * The run's folder holds config.json, log.jsonl, checkpoints and finally `teacher.safetensors` (`student.safetensors`
 * for a network with an interval input), the moving average of the weights. If aborted or killed and called again with
 * the same options, it resumes where it stopped; on the same machine, runtime and thread count, and with the same
 * `stepsPerRun`, the results are the same to the bit as if it had never stopped. Called again after it has finished, it
 * starts a new run in the next numbered folder, unless `whenFinished` says otherwise. The folder is locked until this
 * returns: no other process can train there.
 *
 * An extended run continues as a run of the new length would from that step: every schedule, that of the learning
 * rate included, is evaluated at the steps so far and the new number of iterations.
 *
 * @throws {ConfigError} for an option that is invalid or does not fit, before anything is written
 * @throws {WriteError} when the folder cannot be written, before training starts
 * @throws {FolderInUseError} when another process, or another call in this one, trains in the folder
 * @throws {RunMismatchError} when the folder holds an unfinished run with other settings, or one to load or to extend
 *   whose other settings differ
 * @throws {CheckpointError} when the checkpoint to resume is damaged
 * @throws {SampleError} when a sample has a label outside the data's classes or holds a NaN or an infinity, before it
 *   is trained on; earlier checkpoints stay intact
 * @throws {NonFiniteError} when a quantity that is logged, or a state that is saved, is NaN or infinite; earlier
 *   checkpoints stay intact
 * @throws {RuntimeLostError} when the runtime fails during training; the same call resumes from the checkpoint that the
 *   error names
 */
export async function trainVelocityField(options: TrainVelocityFieldOptions): Promise<TrainResult> {
  checkFieldOptions(options);
  requireWhole('seed', options.seed, 0);
  return trainInFolder(await setUp(options, { model: await startingField(options), peak: 1e-3 }));
}

/**
 * Distils a velocity field into a flow map that samples in a few steps. Unless `student` is given, the student is the
 * teacher's network with an added input for the target time, and starts as the teacher. Folder, interruption and errors
 * are as for {@link trainVelocityField}; the result is `student.safetensors`.
 *
 * Classes are matched by name: if the data has the teacher's classes in another order, its labels are changed to the
 * teacher's order, with a note, and the student has the teacher's names.
 *
 * @throws {ConfigError} when the teacher is a flow map, is what an interrupted run returned, is on another path than
 *   `student`, has classes that differ from the data's, or is opaque and `student` is not given, and when the signal has
 *   been aborted, before anything is written
 */
export async function distill(options: DistillOptions): Promise<TrainResult> {
  checkDistillOptions(options);
  const { teacher, seed, signal } = options;
  requireWhole('seed', seed, 0);
  if ('network' in teacher) requireFinished(teacher);
  if (signal?.aborted === true) {
    throw new ConfigError('signal', 'wanted one that has not been aborted, got an aborted one; nothing was started');
  }
  const student = await startingStudent(options);
  if (!('network' in teacher)) {
    if (student !== undefined) return trainInFolder(await setUp(options, { model: student, teacher, peak: 2e-4 }));
    throw new ConfigError('student', 'wanted a flow map to start from, since the teacher is no model but only runs');
  }
  if (teacher.kind !== 'velocity') throw new ConfigError('teacher', 'wanted a velocity field, got a flow map');
  if (student !== undefined && pathOf(student) !== pathOf(teacher)) {
    const paths = `the teacher's path, ${pathOf(teacher).name}; got a student on the ${pathOf(student).name} path`;
    throw new ConfigError('student', `wanted a flow map on ${paths}`);
  }
  const { data, reordered } = matchClasses(options.data, teacher);
  const note = `'${data.name}' has the teacher's classes in another order; its labels are changed to the teacher's order`;
  const model = student ?? flowMapFrom(teacher, seed);
  return trainInFolder(
    await setUp({ ...options, data }, { model, teacher, peak: 2e-4, notes: reordered ? [note] : [] }),
  );
}

/** Checks that a teacher is not what an interrupted run left. */
function requireFinished({ training = {} }: Model): void {
  if (training['completed'] !== false) return;
  const got = `one that was stopped at step ${Number(training['step'])} of ${Number(training['iterations'])}`;
  throw new ConfigError('teacher', `wanted a trained one, got ${got}; run its training again first, which goes on`);
}

/** Trains in the run's folder to the end or until aborted; no other process can train there until this returns. */
async function trainInFolder(setup: TrainSetup): Promise<TrainResult> {
  await loadBar(setup.progress); // fails before anything is written
  const finished = await finishedRun(setup);
  if (finished !== undefined) return finished;
  const lock = await lockChosenFolder(() => folderOf(setup));
  try {
    const { runtime, trainees, phase, batches, iterations, parts, stepsPerRun, signal } = setup;
    const { checkpointEvery, checkpointMinutes, keep } = setup;
    const run = await openRun(setup, lock.folder);
    const store = await folderStore(run, trainees, keep);
    showData(setup);
    for (const note of [...setup.notes, ...run.notes, ...store.notes]) {
      showNote(setup.progress, phase.name, note);
      setup.onNote(note);
    }
    const training = await train({
      runtime,
      trainees,
      phases: [phase],
      batches,
      iterations,
      parts,
      stepsPerRun,
      signal,
      store,
      callbacks: [
        ...setup.callbacks,
        logging(setup.logEvery, setup.onLog),
        progress(setup.progress, phase, iterations, run.from?.step ?? 0),
        checkpoints(checkpointEvery, { seconds: 60 * checkpointMinutes }),
        ...(keep === Infinity ? [] : [checkpoints(keep, { seconds: Infinity })]),
      ],
    });
    const { completed, step, records } = training;
    const average = training.model({ average: 'ema' });
    const facts = { ...average.training, step, ...(completed ? {} : { completed }) };
    const model: Model = { ...average, training: facts };
    await requireStillThere(run.folder, run.id);
    if (completed) await run.finish(model);
    return { model, folder: run.folder, completed, step, log: records };
  } finally {
    lock.release();
  }
}

/** Reports what the data is like. */
function showData({ report, onData, onNote, progress: display, phase }: TrainSetup): void {
  const { line, warning } = report;
  if (warning !== undefined) onNote(warning);
  if (onData !== undefined) {
    onData(report);
    return;
  }
  showNote(display, phase.name, line);
  if (warning !== undefined) showNote(display, phase.name, `warning: ${warning}`);
}

/** The folder to train in. */
async function folderOf({ out, whenFinished, limits }: TrainSetup): Promise<string> {
  if (whenFinished === 'new') return (await nextRunFolder(out, limits)).folder;
  await requireRunFolder(out);
  return out;
}

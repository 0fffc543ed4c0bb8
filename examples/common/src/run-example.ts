import { join } from 'node:path';
import { flowMapFrom, type Model } from '@flowmap/core';
import { removeTemporaries, writeFileAtomic } from '@flowmap/core/node';
import { renderReport } from '@flowmap/eval';
import { flowMatching } from '@flowmap/objectives';
import { distill, tensorboard, trainVelocityField, type DistillOptions } from '@flowmap/train/node';
import { printData } from 'flowmap/node';
import { measureDistances } from './distances.js';
import { sampleEndpoints } from './evaluate.js';
import type { ExampleRun, TeacherSource } from './example-run.js';
import { FINETUNED, finetuneOnce } from './finetuning.js';
import { atScale, guidedDistillation, scalesUpTo } from './guidance.js';
import { readInstruments } from './instruments.js';
import { drawLooks } from './looks.js';
import { measure } from './metrics.js';
import { writePictures } from './pictures.js';
import { reportOf } from './report-of.js';
import { lockRunFolder, REPORT, trainOnce, type Trained } from './run-folder.js';
import { summary } from './summary.js';
import { openTrainingEvaluation } from './training-evaluation.js';

/**
 * Trains or loads a teacher, and a weak one that guides it, distils it, finetunes the student, compares it with the
 * teacher, and writes pictures, `metrics.json` and the report. The report comes last: a folder with a report holds a
 * finished run. If interrupted at any point and started again with the same options, it resumes. The folder is locked
 * meanwhile.
 *
 * @returns the run's folder
 * @throws {ConfigError} for a student that the teacher's network cannot have, before anything is written
 * @throws {FolderInUseError} when another process is using the folder
 * @throws the signal's reason when it fires, with everything saved
 */
export async function runExample(run: ExampleRun): Promise<string> {
  requireStudent(run);
  const lock = await lockRunFolder(run.out, REPORT);
  try {
    await runIn(lock.folder, run);
    return lock.folder;
  } finally {
    lock.release();
  }
}

/** The file of the student, unless it is finetuned. */
const DISTILLED = 'student.safetensors';

/** The data has already been described. */
const told = (): void => undefined;

/** Refuses a student that its teacher's network cannot have, before such a teacher is trained. */
function requireStudent({ teacher, student, data, seed }: ExampleRun): void {
  if ('model' in teacher) return; // it is already there
  const { network } = teacher;
  const untrained: Model = { kind: 'velocity', network, params: network.init(seed), classes: data.classes };
  flowMapFrom(untrained, seed, student.startingFrom);
}

async function runIn(folder: string, run: ExampleRun): Promise<void> {
  const { runtime, data, seed, stepsPerRun = 1, flip = false, signal, progress = 'auto', options, print } = run;
  const training = { runtime, data, seed, stepsPerRun, flip, signal, progress, onData: told, config: options };
  const parts: Record<string, number> = {};
  await printData(data, run);

  const { guidance, finetuning } = run;
  const { startingFrom, ...length } = run.student;
  const unguided = await teacherOf('teacher', run.teacher);
  const strong = unguided.model;
  const weak = guidance && (await teacherOf('weak-teacher', guidance.weak)).model;
  const taught =
    guidance && weak
      ? guidedDistillation({ ...guidance, strong, weak }, { data, seed, startingFrom })
      : { teacher: strong, compared: strong, startingFrom: startingFrom ?? {}, data };
  const teacher: Trained = { ...unguided, model: taught.compared };
  const distilled =
    run.distilled ??
    (await trainOnce(folder, DISTILLED, options, async () => {
      const student = flowMapFrom(strong, seed, taught.startingFrom);
      const evaluations = await openTrainingEvaluation(run, { folder, student });
      const { out, callbacks = [] } = writingTo(folder);
      try {
        return await distill({
          ...{ ...training, ...length, data: taught.data, teacher: taught.teacher, student, out },
          callbacks: [...(evaluations?.callbacks ?? []), ...callbacks],
          ...(evaluations ? { logEvery: evaluations.logEvery } : {}),
        });
      } finally {
        await evaluations?.dispose();
      }
    }));
  if (!distilled) throw signal.reason;
  parts['distillation'] = distilled.log.at(-1)?.seconds ?? 0;
  const finetuned =
    finetuning &&
    (await finetuneOnce(run, finetuning, { folder, settings: options, ...taught, strong, student: distilled.model }));
  if (finetuning && !finetuned) throw signal.reason;
  if (finetuned) parts['finetuning'] = finetuned.log.at(-1)?.seconds ?? 0;
  const shown = (model: Model): Model => (guidance ? atScale(model, guidance.scale) : model);
  const untold = (finetuned ?? distilled).model;
  const student: Trained = { log: distilled.log, model: shown(untold) };

  const watched = { runtime, signal, onProgress: (what: string) => print(`evaluation: ${what}`) };
  const endpoints = await timed('evaluation', () =>
    sampleEndpoints(teacher.model, student.model, {
      ...watched,
      ...(run.samples === undefined ? {} : { count: run.samples }),
    }),
  );
  print('evaluation: instruments');
  const instruments = await timed('instruments', () => readInstruments(run, teacher.model, student.model));
  const distances =
    run.distances &&
    (await timed('distances', () =>
      measureDistances({
        ...{ ...watched, data, teacher: teacher.model, student: student.model },
        statistics: join(folder, 'statistics.safetensors'),
        ...(guidance?.upTo === undefined
          ? {}
          : { guidance: { scales: scalesUpTo(guidance.upTo), at: (scale) => atScale(untold, scale) } }),
        ...run.distances!,
      }),
    ));

  const looks =
    run.distances && Number.isFinite(data.length)
      ? await timed('neighbours', () => drawLooks({ runtime, data, student: student.model, signal }))
      : undefined;

  await removeTemporaries(folder);
  const pictures = await writePictures(folder, endpoints, run.presentation, signal);
  const metrics = await measure({ run, endpoints, instruments, distances, student, parts });
  await writeFileAtomic(join(folder, 'metrics.json'), `${JSON.stringify(metrics, null, 2)}\n`);
  const finetuningLog = finetuned?.log ?? [];
  const report = reportOf({ run, metrics, pictures, looks, teacher, student, finetuningLog });
  signal.throwIfAborted();
  await writeFileAtomic(join(folder, REPORT), renderReport(report));
  print(summary(folder, finetuned ? FINETUNED : DISTILLED, metrics));

  function writingTo(out: string): Pick<DistillOptions, 'out' | 'callbacks'> {
    return { out, callbacks: run.tensorboard === true ? [tensorboard(out)] : [] };
  }

  async function timed<T>(part: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    parts[part] = (performance.now() - start) / 1000;
    return result;
  }

  async function teacherOf(name: 'teacher' | 'weak-teacher', source: TeacherSource): Promise<Trained> {
    if ('model' in source) return source;
    const out = join(folder, name);
    const { network, ...length } = source;
    const trained = await trainOnce(out, 'teacher.safetensors', options, () =>
      trainVelocityField({ ...training, ...length, network, objective: flowMatching(), ...writingTo(out) }),
    );
    if (!trained) throw signal.reason;
    parts[name === 'teacher' ? 'teacher' : 'weak teacher'] = trained.log.at(-1)?.seconds ?? 0;
    return trained;
  }
}

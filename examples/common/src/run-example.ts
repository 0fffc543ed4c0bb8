import { join } from 'node:path';
import { flowMapFrom } from '@flowmap/core';
import { removeTemporaries, writeFileAtomic } from '@flowmap/core/node';
import { renderReport } from '@flowmap/eval';
import { flowMatching } from '@flowmap/objectives';
import { distill, tensorboard, trainVelocityField, type DistillOptions } from '@flowmap/train/node';
import { measureDistances } from './distances.js';
import { sampleEndpoints } from './evaluate.js';
import type { ExampleRun } from './example-run.js';
import { readInstruments } from './instruments.js';
import { drawLooks } from './looks.js';
import { measure } from './metrics.js';
import { writePictures } from './pictures.js';
import { reportOf } from './report-of.js';
import { lockRunFolder, REPORT, trainOnce, type Trained } from './run-folder.js';
import { summary } from './summary.js';

/**
 * Trains or loads a teacher, distils it, compares the two, and writes pictures, `metrics.json` and the report. The
 * report comes last: a folder with a report holds a finished run. If interrupted at any point and started again with
 * the same options, it resumes. The folder is locked meanwhile.
 *
 * @returns the run's folder
 * @throws {FolderInUseError} when another process is using the folder
 * @throws the signal's reason when it fires, with everything saved
 */
export async function runExample(run: ExampleRun): Promise<string> {
  const lock = await lockRunFolder(run.out, REPORT);
  try {
    await runIn(lock.folder, run);
    return lock.folder;
  } finally {
    lock.release();
  }
}

async function runIn(folder: string, run: ExampleRun): Promise<void> {
  const { runtime, data, seed, stepsPerRun = 1, flip = false, signal, progress = 'auto', options, print } = run;
  const training = { runtime, data, seed, stepsPerRun, flip, signal, progress, config: options };
  const parts: Record<string, number> = {};

  const teacher = await teacherOf();
  const { startingFrom, ...length } = run.student;
  const student = await trainOnce(folder, 'student.safetensors', options, () =>
    distill({
      ...{ ...training, ...length, teacher: teacher.model, ...writingTo(folder) },
      student: flowMapFrom(teacher.model, seed, startingFrom),
    }),
  );
  if (!student) throw signal.reason;
  parts['distillation'] = student.log.at(-1)?.seconds ?? 0;

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
  const report = reportOf({ run, metrics, pictures, looks, teacher, student });
  signal.throwIfAborted();
  await writeFileAtomic(join(folder, REPORT), renderReport(report));
  print(summary(folder, metrics));

  function writingTo(out: string): Pick<DistillOptions, 'out' | 'callbacks'> {
    return { out, callbacks: run.tensorboard === true ? [tensorboard(out)] : [] };
  }

  async function timed<T>(part: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    parts[part] = (performance.now() - start) / 1000;
    return result;
  }

  async function teacherOf(): Promise<Trained> {
    if ('model' in run.teacher) return run.teacher;
    const out = join(folder, 'teacher');
    const { network, ...length } = run.teacher;
    const trained = await trainOnce(out, 'teacher.safetensors', options, () =>
      trainVelocityField({ ...training, ...length, network, objective: flowMatching(), ...writingTo(out) }),
    );
    if (!trained) throw signal.reason;
    parts['teacher'] = trained.log.at(-1)?.seconds ?? 0;
    return trained;
  }
}

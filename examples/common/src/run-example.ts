import { join } from 'node:path';
import type { Dataset, Network } from '@flowmap/core';
import { removeTemporaries, writeFileAtomic } from '@flowmap/core/node';
import { flowMatching } from '@flowmap/objectives';
import type { Runtime } from '@flowmap/tensor';
import { distill, trainVelocityField, type DistillOptions } from '@flowmap/train/node';
import type { CommandContext } from './command.js';
import { sampleEndpoints } from './evaluate.js';
import { measure } from './metrics.js';
import { writePictures } from './pictures.js';
import type { OptionValue } from './options.js';
import type { Presentation } from './presentation.js';
import { renderReport } from './report/report.js';
import { reportOf } from './report-of.js';
import { lockRunFolder, REPORT, trainOnce, type Trained } from './run-folder.js';
import { summary } from './summary.js';

/** How long and how fast something is trained. */
export interface Training {
  readonly iterations: number;
  readonly batchSize: number;
  /** Peak of the learning rate, which falls to 0 as half a cosine. */
  readonly learningRate: number;
}

/** A teacher that was trained before, or how to train one. */
export type TeacherSource = Trained | (Training & { readonly network: Network });

/** What an example run is made of. */
export interface ExampleRun extends CommandContext {
  /** What the samples are, as a heading has it: `Emoji`. */
  readonly subject: string;
  readonly runtime: Runtime;
  readonly data: Dataset;
  /** Name, number of samples and classes of the data in the words of the report; counted from the data unless given. */
  readonly dataSummary?: string;
  readonly teacher: TeacherSource;
  readonly student: Training & Pick<DistillOptions, 'objective' | 'emaDecay'>;
  readonly seed: number;
  /** Training steps in one call of the runtime; 1 unless given. */
  readonly stepsPerRun?: number;
  /** Mirror images at random; false unless given. */
  readonly flip?: boolean;
  /** Folder of the run; with a number appended when it holds a finished one. */
  readonly out: string;
  /** All options but `out`, defaults among them, for config.json; a run is resumed only with the same. */
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly presentation: Presentation;
  /** Samples to show and measure; 256, those of the RMSE, unless given. */
  readonly samples?: number;
}

/**
 * Trains or loads a teacher, distils it, compares both, and writes pictures, `metrics.json` and the report, which comes last: a
 * folder with a report holds a finished run. Interrupted at any point and started again with the same options, it goes on.
 * The folder is locked meanwhile.
 *
 * @returns the run's folder
 * @throws {FolderInUseError} when another process has the folder
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
  const student = await trainOnce(folder, 'student.safetensors', options, () =>
    distill({ ...training, ...run.student, teacher: teacher.model, out: folder }),
  );
  if (!student) throw signal.reason;
  parts['distillation'] = student.log.at(-1)?.seconds ?? 0;

  const start = performance.now();
  const endpoints = await sampleEndpoints(teacher.model, student.model, {
    runtime,
    ...(run.samples === undefined ? {} : { count: run.samples }),
    signal,
    onProgress: (what) => print(`evaluation: ${what}`),
  });
  parts['evaluation'] = (performance.now() - start) / 1000;

  await removeTemporaries(folder);
  const pictures = await writePictures(folder, endpoints, run.presentation, signal);
  const metrics = await measure({ run, endpoints, student, parts });
  await writeFileAtomic(join(folder, 'metrics.json'), `${JSON.stringify(metrics, null, 2)}\n`);
  const report = reportOf({ run, metrics, pictures, teacher, student });
  signal.throwIfAborted();
  await writeFileAtomic(join(folder, REPORT), renderReport(report));
  print(summary(folder, metrics));

  async function teacherOf(): Promise<Trained> {
    if ('model' in run.teacher) return run.teacher;
    const out = join(folder, 'teacher');
    const { network, ...length } = run.teacher;
    const trained = await trainOnce(out, 'teacher.safetensors', options, () =>
      trainVelocityField({ ...training, ...length, network, objective: flowMatching(), out }),
    );
    if (!trained) throw signal.reason;
    parts['teacher'] = trained.log.at(-1)?.seconds ?? 0;
    return trained;
  }
}

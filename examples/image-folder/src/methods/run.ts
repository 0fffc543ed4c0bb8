import { join } from 'node:path';
import { ConfigError, euler, matchClasses } from '@flowmap/core';
import { loadVelocityField, writeFileAtomic } from '@flowmap/core/node';
import { lockRunFolder, machine, versions } from '@flowmap/example-common';
import { openRuntime, readImages, requireApart, type CommandContext } from 'flowmap/node';
import { measurer, type Measured } from './measure.js';
import { once } from './once.js';
import type { MethodsConfig } from './settings.js';
import { trainMethod, type TrainedStudent } from './train-method.js';

/** The last file that a run writes. */
const METRICS = 'metrics.json';

/** A model's samples in each number of steps. */
interface Row extends Measured {
  readonly name: string;
  /** Steps of each of its objectives; none for the teacher. */
  readonly iterations: readonly number[];
  readonly sampler: string;
}

/**
 * Distils a teacher by several methods in equal processor time, and measures for each in how many steps how far its
 * samples are from the ends of the teacher's trajectories and from the data. Writes `tables.md` and `metrics.json`. If
 * interrupted and started again with the same options, it resumes; more methods may be named then.
 *
 * @returns the run's folder
 * @throws {ConfigError} for a teacher on another path, and a folder of results inside that of the images
 * @throws {FolderInUseError} when another process is using the run's folder
 */
export async function compareMethods({ out, ...options }: MethodsConfig, context: CommandContext): Promise<string> {
  const { signal, print, progress = 'auto' } = context;
  const { minutes, batchSize, learningRate, flip, seed, steps, samples } = options;
  await requireApart(out, options.data);
  const teacher = await loadVelocityField(options.teacher);
  if ((teacher.path ?? 'linear') !== 'linear') {
    throw new ConfigError(
      '--teacher',
      `wanted a velocity field on the linear path, got one on the ${teacher.path} path`,
    );
  }
  const lock = await lockRunFolder(out, METRICS);
  try {
    const { folder } = lock;
    const runtime = await openRuntime(options);
    const { data: given } = await readImages(options.data, options, context);
    const { data } = matchClasses(given, teacher);
    const { methods, ...settings } = options;
    const statistics = join(folder, 'statistics.safetensors');
    const measuring = measurer({ runtime, data, teacher, steps, samples, statistics, signal });
    const rowOf = async (name: string, { model, sampler, iterations }: TrainedStudent): Promise<Row> => {
      const measured = await once(join(folder, `${name}.json`), settings, () => measuring.measure(model, sampler));
      const row = { name, iterations, sampler: sampler.name, ...measured };
      print(JSON.stringify(row));
      return row;
    };
    try {
      const rows = [await rowOf('teacher', { model: teacher, sampler: euler(), iterations: [] })];
      for (const name of methods) {
        signal.throwIfAborted();
        const training = { runtime, data, teacher, minutes, batchSize, learningRate, flip, seed, folder };
        rows.push(await rowOf(name, await trainMethod(name, { ...training, signal, progress })));
      }
      await writeFileAtomic(join(folder, 'tables.md'), tablesOf(steps, rows));
      const date = new Date().toISOString().slice(0, 10);
      const facts = { options, machine: machine(), versions: versions(), date, rows };
      await writeFileAtomic(join(folder, METRICS), `${JSON.stringify(facts, null, 2)}\n`);
    } finally {
      await measuring.dispose();
    }
    return folder;
  } finally {
    lock.release();
  }
}

function tablesOf(steps: readonly number[], rows: readonly Row[]): string {
  const table = (title: string, digits: number, valuesOf: (row: Row) => readonly number[]): string => {
    const head = [title, 'training steps', 'sampler', ...steps.map(String)];
    const rule = head.map((_, i) => (i === 0 || i === 2 ? '---' : '---:'));
    const lines = rows.map((row) => {
      const values = valuesOf(row).map((value) => value.toFixed(digits));
      return [row.name, row.iterations.join(' + '), row.sampler, ...values];
    });
    return [head, rule, ...lines].map((line) => `| ${line.join(' | ')} |\n`).join('');
  };
  const errors = table('endpoint RMSE', 4, (row) => row.endpointRmse);
  return `${errors}\n${table('distance from the data', 1, (row) => row.distance)}`;
}

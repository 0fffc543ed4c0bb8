import { join } from 'node:path';
import { ConfigError, euler, heun, matchClasses, type Model, type Sampler } from '@flowmap/core';
import { loadVelocityField, writeFileAtomic } from '@flowmap/core/node';
import {
  endpointRmse,
  labelsOf,
  lockRunFolder,
  machine,
  openJudge,
  REFERENCE_STEPS,
  sampleFixedNoises,
  versions,
} from '@flowmap/example-common';
import { openRuntime, readImages, requireApart, type CommandContext } from 'flowmap/node';
import type { MethodsConfig } from './settings.js';
import { trainMethod } from './train-method.js';

/** The last file that a run writes. */
const METRICS = 'metrics.json';

/** A model's samples in each number of steps. */
interface Row {
  readonly name: string;
  /** Steps of each of its objectives; none for the teacher. */
  readonly iterations: readonly number[];
  readonly sampler: string;
  readonly endpointRmse: readonly number[];
  readonly distance: readonly number[];
}

/**
 * Distils a teacher by several methods in equal processor time, and measures for each in how many steps how far its
 * samples are from the ends of the teacher's trajectories and from the data. Writes `tables.md` and `metrics.json`. If
 * interrupted and started again with the same options, it resumes.
 *
 * @returns the run's folder
 * @throws {ConfigError} for a teacher on another path, and a folder of results inside that of the images
 * @throws {FolderInUseError} when another process is using the run's folder
 */
export async function compareMethods({ out, ...options }: MethodsConfig, context: CommandContext): Promise<string> {
  const { signal, print, progress = 'auto' } = context;
  const { minutes, batchSize, learningRate, flip, seed } = options;
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
    const watched = { runtime, signal };
    const [reference] = await sampleFixedNoises(teacher, heun(), [REFERENCE_STEPS], watched);
    const statistics = join(folder, 'statistics.safetensors');
    const judge = await openJudge({ ...watched, data, samples: options.samples, statistics });
    const labels = await labelsOf(data, options.samples);
    let protocol = '';
    const measured = async (model: Model, sampler: Sampler, row: Pick<Row, 'name' | 'iterations'>): Promise<Row> => {
      const ends = await sampleFixedNoises(model, sampler, options.steps, watched);
      const distance: number[] = [];
      for (const steps of options.steps) {
        const common = { ...watched, count: options.samples, ...(labels ? { labels } : {}) };
        const [samples] = await sampleFixedNoises(model, sampler, [steps], common);
        const judged = await judge.judge(samples!);
        protocol = judged.protocol;
        distance.push(judged.distance);
      }
      const found = {
        ...row,
        sampler: sampler.name,
        endpointRmse: ends.map((points) => endpointRmse(points, reference!)),
        distance,
      };
      print(JSON.stringify(found));
      return found;
    };
    try {
      const rows = [await measured(teacher, euler(), { name: 'teacher', iterations: [] })];
      for (const name of options.methods) {
        signal.throwIfAborted();
        const { model, sampler, iterations } = await trainMethod(name, {
          ...{ runtime, data, teacher, minutes, batchSize, learningRate, flip, seed, folder, signal, progress },
        });
        rows.push(await measured(model, sampler, { name, iterations }));
      }
      await writeFileAtomic(join(folder, 'tables.md'), tablesOf(options.steps, rows));
      const facts = {
        ...{ options, protocol, machine: machine(), versions: versions() },
        date: new Date().toISOString().slice(0, 10),
        rows,
      };
      await writeFileAtomic(join(folder, METRICS), `${JSON.stringify(facts, null, 2)}\n`);
    } finally {
      await judge.dispose();
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

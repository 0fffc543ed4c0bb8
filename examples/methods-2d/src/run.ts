import { join } from 'node:path';
import { writeFileAtomic } from '@flowmap/core/node';
import { lockRunFolder, machine, versions } from '@flowmap/example-common';
import { openRuntime, type CommandContext } from 'flowmap/node';
import { compareOn, DATA, STEPS, type DataName, type Rows } from './compare.js';
import { pictureOf } from './picture.js';
import type { MethodsConfig } from './settings.js';

/** The last file that a run writes. */
const METRICS = 'metrics.json';

/**
 * Compares objectives on distributions of the plane, and writes a table, a picture for each distribution and all numbers.
 * If interrupted and started again with the same options, it resumes.
 *
 * @returns the run's folder
 * @throws {FolderInUseError} when another process is using the run's folder
 * @throws the signal's reason when it fires, with everything saved
 */
export async function runMethods({ out, ...options }: MethodsConfig, context: CommandContext): Promise<string> {
  const lock = await lockRunFolder(out, METRICS);
  try {
    const { folder } = lock;
    const runtime = await openRuntime(options);
    const names = options.all ? (Object.keys(DATA) as DataName[]) : (['checkerboard'] as const);
    const compared: Omit<Rows, 'points'>[] = [];
    for (const name of names) {
      const { points, ...rows } = await compareOn(name, { ...options, folder, runtime }, context);
      context.print(tableOf(rows));
      await writeFileAtomic(join(folder, `${name}.svg`), await pictureOf(points));
      compared.push(rows);
    }
    await writeFileAtomic(join(folder, 'tables.md'), `${compared.map(tableOf).join('\n\n')}\n`);
    const facts = {
      options,
      machine: machine(),
      versions: versions(),
      date: new Date().toISOString().slice(0, 10),
      steps: STEPS,
      compared,
    };
    await writeFileAtomic(join(folder, METRICS), `${JSON.stringify(facts, null, 2)}\n`);
    return folder;
  } finally {
    lock.release();
  }
}

function tableOf({ data, floor, rows }: Omit<Rows, 'points'>): string {
  const head = [data, 'sampler', ...STEPS.map(String)];
  const lines = rows.map(({ name, sampler, distances, failure }) => {
    const cells = failure === undefined ? distances.map((distance) => distance.toFixed(4)) : [failure, '', '', '', ''];
    return [name, sampler, ...cells];
  });
  const own = ['data', '', floor.toFixed(4), '', '', '', ''];
  const rule = head.map((_, i) => (i < 2 ? '---' : '---:'));
  return [head, rule, own, ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer } from './command.js';
import { shownNetwork, type Fields } from './shown-network.js';

/** Files with the results of finished runs. */
const RESULTS = ['teacher.safetensors', 'student.safetensors'];

/**
 * What the folder of a run holds: its settings, and how far it has come.
 *
 * @throws {CheckpointError} for a `config.json` or a log that cannot be read
 */
export async function inspectRun(path: string): Promise<Answer> {
  const { CheckpointError } = await import('@flowmap/core');
  const { readJsonFile } = await import('@flowmap/core/node');
  const file = join(path, 'config.json');
  const { kind, run } = fieldsOf(await readJsonFile(file));
  const settings = fieldsOf(run);
  const iterations = settings['iterations'];
  if (typeof iterations !== 'number' || (kind !== 'velocity' && kind !== 'flowMap')) {
    throw new CheckpointError(file, 'is not that of a run: it has no iterations, or no kind; give the folder of a run');
  }
  const names = await readdir(path);
  const last = (await readLog(path)).at(-1) ?? {};
  const result = RESULTS.find((name) => names.includes(name));
  const checkpoints = names.includes('checkpoints') ? await readdir(join(path, 'checkpoints')) : [];
  return {
    kind: kind === 'flowMap' ? 'flow map' : 'velocity field',
    finished: result !== undefined,
    result: result === undefined ? null : join(path, result),
    step: last['step'] ?? 0,
    iterations,
    last,
    checkpoints: checkpoints.filter((name) => /^\d+$/.test(name)).sort(),
    batchSize: settings['batchSize'],
    seed: settings['seed'],
    objective: settings['objective'],
    data: settings['data'],
    network: shownNetwork(fieldsOf(settings['network'])),
  };
}

/** A value as an object; one without fields if it is not an object. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/**
 * The records of a run's log, without a line left unfinished by an interrupted process; none if there is no log.
 *
 * @param folder the run's folder
 */
export async function readLog(folder: string): Promise<Fields[]> {
  const path = join(folder, 'log.jsonl');
  if (!existsSync(path)) return [];
  const { readTextFile } = await import('@flowmap/core/node');
  const lines = (await readTextFile(path, { maxHeaderBytes: Infinity })).split('\n');
  return lines.flatMap((line) => {
    try {
      return [fieldsOf(JSON.parse(line))];
    } catch {
      return []; // the empty end, or an unfinished line
    }
  });
}

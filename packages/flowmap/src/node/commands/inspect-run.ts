import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '@flowmap/core';
import type { Answer } from './command.js';

/** A JSON object. */
type Fields = Readonly<Record<string, Json | undefined>>;

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
  const last = names.includes('log.jsonl') ? await lastRecord(join(path, 'log.jsonl')) : {};
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
    network: settings['network'],
  };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The last complete line of a log. */
async function lastRecord(path: string): Promise<Fields> {
  const { readTextFile } = await import('@flowmap/core/node');
  const lines = (await readTextFile(path, { maxHeaderBytes: Infinity })).split('\n');
  for (const line of lines.reverse()) {
    try {
      return fieldsOf(JSON.parse(line));
    } catch {
      continue; // the empty end, or a line that an interrupted process did not finish
    }
  }
  return {};
}

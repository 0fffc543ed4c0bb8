import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { CheckpointError, ConfigError, quoted, type Json, type Model } from '@flowmap/core';
import {
  loadModel,
  loadVelocityField,
  lockChosenFolder,
  readJsonFile,
  readTextFile,
  type FolderLock,
} from '@flowmap/core/node';
import { RunMismatchError } from '@flowmap/train';
import type { LogRecord } from '@flowmap/core';
import type { TrainResult } from '@flowmap/train/node';

/** The last file that a run writes: a folder without it holds an unfinished run, or none. */
export const REPORT = 'index.html';

/** A finished training run. */
export interface Trained {
  /** The moving average of the weights. */
  readonly model: Model;
  readonly log: readonly LogRecord[];
}

/**
 * Locks the first of `out`, `out-2`, `out-3`, … that does not hold a finished run, for all that a command does there.
 * Training takes a lock of its own for its part.
 *
 * @param last name of the file that marks a finished run
 * @throws {FolderInUseError} when another process is using that folder
 * @throws {WriteError} when the folder cannot be written
 */
export function lockRunFolder(out: string, last: string): Promise<FolderLock> {
  const choose = (): string => {
    for (let number = 1; ; number++) {
      const folder = number === 1 ? out : `${out}-${number}`;
      if (!existsSync(join(folder, last))) return folder;
    }
  };
  return lockChosenFolder(choose, 'example.lock');
}

/**
 * Trains in a folder, or loads the result if an interrupted command with the same settings finished training there.
 *
 * @param result name of the file that training writes at the end
 * @param settings what the run's config.json records for the caller
 * @param train trains with these settings in this folder
 * @returns undefined when training was interrupted
 * @throws {RunMismatchError} when the folder holds the result of other settings
 * @throws {CheckpointError} when the result there is not that of its run
 */
export async function trainOnce(
  folder: string,
  result: 'teacher.safetensors' | 'student.safetensors',
  settings: Json,
  train: () => Promise<TrainResult>,
): Promise<Trained | undefined> {
  const path = join(folder, result);
  if (!existsSync(path)) {
    const { completed, model, log } = await train();
    return completed ? { model, log } : undefined;
  }
  await requireSettings(folder, 'config.json', settings);
  await requireResult(path, join(folder, 'config.json'));
  return loadTrained(path, join(folder, 'log.jsonl'));
}

/**
 * Checks that a stage has the settings which its file in a folder records as `config`.
 *
 * @throws {RunMismatchError} naming those that differ
 */
export async function requireSettings(folder: string, file: string, settings: Json): Promise<void> {
  const there = (await readJsonFile(join(folder, file))) as { readonly config?: Json } | null;
  const differences = differing(there?.config ?? null, settings);
  if (differences.length > 0) throw new RunMismatchError(folder, differences);
}

/** Checks that a result is the one that its run has written; runs of earlier versions do not record this. */
async function requireResult(path: string, config: string): Promise<void> {
  const { result } = (await readJsonFile(config)) as { readonly result?: Json };
  if (result === undefined || result === createHash('sha256').update(readFileSync(path)).digest('hex')) return;
  throw new CheckpointError(
    path,
    'is not the result of the run in its folder; put that back, or choose another folder',
  );
}

/** Loads a model and the log of its training. */
export async function loadTrained(path: string, log: string): Promise<Trained> {
  return { model: await loadModel(path), log: await readLog(log) };
}

/**
 * Loads a teacher from a file, with the log of its training if that is beside it: `teacher.log.jsonl` for
 * `teacher.safetensors`, or the `log.jsonl` of a run's folder.
 *
 * @throws {CheckpointError} when the file is not a velocity field
 */
export async function loadTeacher(file: string): Promise<Trained> {
  return { model: await loadVelocityField(file), log: await logBeside(file) };
}

/**
 * Loads a student from a file, with the log of its training if that is beside it.
 *
 * @throws {CheckpointError} when the file is not a model
 * @throws {ConfigError} when the model is not a flow map
 */
export async function loadStudent(file: string): Promise<Trained> {
  const model = await loadModel(file);
  if (model.kind !== 'flowMap') throw new ConfigError('distilled', `wanted a flow map, '${file}' is a velocity field`);
  return { model, log: await logBeside(file) };
}

async function logBeside(file: string): Promise<readonly LogRecord[]> {
  const logs = [besideCheckpoint(file, 'log.jsonl'), join(dirname(file), 'log.jsonl')];
  const log = logs.find((path) => existsSync(path));
  return log === undefined ? [] : readLog(log);
}

/** A file that belongs to a checkpoint: `teacher.log.jsonl` for `teacher.safetensors` and `log.jsonl`. */
export function besideCheckpoint(file: string, name: string): string {
  return file.replace(/(\.safetensors)?$/, `.${name}`);
}

async function readLog(path: string): Promise<LogRecord[]> {
  const lines = (await readTextFile(path, { maxHeaderBytes: Infinity })).split('\n').filter((line) => line !== '');
  return lines.map((line, i) => {
    try {
      return JSON.parse(line) as LogRecord;
    } catch (cause) {
      throw new CheckpointError(path, `line ${i + 1} is not JSON`, { cause });
    }
  });
}

/** The differences between two sets of settings, in words. */
function differing(before: Json, after: Json): string[] {
  const [a, b] = [Object(before) as Record<string, Json>, Object(after) as Record<string, Json>];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((key) => !isDeepStrictEqual(a[key], b[key]))
    .map((key) => `${key}: ${quoted(a[key])} there, ${quoted(b[key])} now`);
}

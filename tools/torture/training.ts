import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { FlowmapError, mlp, type LogRecord, type Model } from '@flowmap/core';
import { eightGaussians } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { snapshots } from '@flowmap/train';
import {
  openSnapshots,
  trainVelocityField,
  type TrainResult,
  type TrainVelocityFieldOptions,
} from '@flowmap/train/node';
import { Fault } from './faults.js';

/** The training that is tormented: checkpoints every second step, a milestone, snapshots, a result. */
export function training(out: string, more: Partial<TrainVelocityFieldOptions> = {}): TrainVelocityFieldOptions {
  return {
    runtime: referenceRuntime(),
    data: eightGaussians(),
    network: mlp({ shape: [2], width: 4, depth: 1 }),
    objective: flowMatching(),
    iterations: 6,
    batchSize: 4,
    seed: 0,
    out,
    checkpointEvery: 2,
    logEvery: 1,
    keep: 3,
    callbacks: [snapshots({ every: 3 })],
    whenFinished: 'load',
    progress: 'none',
    ...more,
  };
}

/** An uninterrupted run, with which others are compared. */
export interface Whole {
  readonly folder: string;
  readonly params: Model['params'];
  readonly files: readonly string[];
  readonly log: readonly Record<string, number>[];
  /** Its settings. */
  readonly run: unknown;
}

export async function wholeRun(options: TrainVelocityFieldOptions): Promise<Whole> {
  const { folder, model, log } = await trainVelocityField(options);
  return { folder, params: model.params, files: filesIn(folder), log: log.map(numbers), run: settingsIn(folder) };
}

/** Stops a run after a step, as Ctrl-C does. */
export async function stopAfter(step: number, options: TrainVelocityFieldOptions): Promise<void> {
  const stop = new AbortController();
  const onLog = (record: LogRecord): void => (record.step === step ? stop.abort() : undefined);
  await trainVelocityField({ ...options, signal: stop.signal, onLog });
}

/** How a call of training ended: with a result, or refused by an error of Flowmap's. */
export type Outcome =
  { readonly result: TrainResult; readonly notes: readonly string[] } | { readonly error: FlowmapError };

/** @throws {Fault} for any other error */
export async function attempt(options: TrainVelocityFieldOptions): Promise<Outcome> {
  const notes: string[] = [];
  try {
    return { result: await trainVelocityField({ ...options, onNote: (note) => notes.push(note) }), notes };
  } catch (error) {
    if (error instanceof FlowmapError) return { error };
    throw new Fault('uncaught error', String(error), { cause: error });
  }
}

/**
 * Continues a run to its end, which must be that of the uninterrupted run.
 *
 * @throws {Fault}
 */
export async function mustEnd(options: TrainVelocityFieldOptions, whole: Whole): Promise<void> {
  const outcome = await attempt(options);
  if ('error' in outcome) throw new Fault('uncaught error', outcome.error.message, { cause: outcome.error });
  await examine(options.out, outcome, whole);
  // If it died between its first checkpoint and the pointer to it, a note says so.
  if (outcome.notes.some((note) => !/^(is extended|latest is missing)/.test(note))) {
    throw new Fault('silent difference', `a note on a run that nobody touched: ${outcome.notes.join('; ')}`);
  }
}

/**
 * Compares a finished run with the uninterrupted one: weights, settings, log, files and kept models. Differences must
 * have been reported in a note.
 *
 * @param isDamaged whether files were damaged that are read only when somebody asks for them
 * @throws {Fault}
 */
export async function examine(
  folder: string,
  { result, notes }: Extract<Outcome, { result: unknown }>,
  whole: Whole,
  isDamaged = false,
): Promise<void> {
  if (!result.completed || !isDeepStrictEqual(result.model.params, whole.params)) {
    throw new Fault('wrong weights', `${folder} ended at step ${result.step} with others`);
  }
  if (!isDeepStrictEqual(settingsIn(folder), whole.run)) throw new Fault('mixed run', `${folder} has other settings`);
  const told = (what: string): boolean => notes.some((note) => note.includes(what));
  if (!told('log.jsonl') && !isDeepStrictEqual(result.log.map(numbers), whole.log)) {
    throw new Fault('silent difference', `the log of ${folder}`);
  }
  compareFiles(folder, whole);
  try {
    const [kept, wanted] = [await keptIn(folder), await keptIn(whole.folder)];
    if (isDeepStrictEqual(kept, wanted)) return;
  } catch (error) {
    if (error instanceof FlowmapError && isDamaged) return; // whatever was damaged is refused
    throw new Fault('uncaught error', String(error), { cause: error });
  }
  throw new Fault('silent difference', `snapshots of ${folder}`);
}

/**
 * The files must be those of the uninterrupted run; if it was stopped on the way, the last checkpoint but one
 * may be another.
 */
function compareFiles(folder: string, whole: Whole): void {
  const files = filesIn(folder).filter((file) => !/^checkpoints\/\d+\.damaged(-\d+)?\//.test(file));
  const stray = files.filter((file) => !whole.files.includes(file));
  const foreign = stray.filter((file) => !/^checkpoints\/\d+\/state.(json|safetensors)$/.test(file));
  if (foreign.length > 0 || stray.length > 2) throw new Fault('stray file', `${folder} has ${stray.join(', ')}`);
  const missing = whole.files.filter((file) => !files.includes(file));
  if (missing.length > stray.length) throw new Fault('silent difference', `${folder} lacks ${missing.join(', ')}`);
}

/** Values of all snapshots of a run, by file. */
async function keptIn(folder: string): Promise<Record<string, unknown>> {
  const kept: Record<string, unknown> = {};
  for (const { source, model, tensor, step } of await openSnapshots(folder)) {
    const values: unknown[] = [];
    for (const name of Object.keys(model.network.parameters)) values.push(await tensor(name));
    kept[relative(folder, source)] = { step, values };
  }
  return kept;
}

/** Paths of the files in a folder, sorted. */
export function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .sort();
}

function settingsIn(folder: string): unknown {
  return (JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { run: unknown }).run;
}

/** A record without its timings. */
function numbers({ seconds: _, imagesPerSecond: __, ...rest }: LogRecord): Record<string, number> {
  return rest;
}

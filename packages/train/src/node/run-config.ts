import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CheckpointError, quoted, withPrefix, type Json, type Model, type ReadLimits } from '@flowmap/core';
import { readJsonFile } from '@flowmap/core/node';
import type { HostTensors } from '@flowmap/tensor';
import { z } from 'zod';
import { RunMismatchError } from '../errors.js';
import { mapValues } from '../internal/names.js';
import type { Schedule } from '../schedules.js';
import { scheduleMeans } from './schedule-means.js';
import type { TrainSetup } from './setup.js';

// The text was parsed as JSON, so every value in it is a JSON value.
const json = z.custom<Json>((value) => value !== undefined);

/** Layout of the file: 1 had the runtime's name in place of the environment. */
const VERSION = 2;

const runConfig = z.object({
  version: z.int().min(1).max(VERSION),
  /** Identity of the run, which its checkpoints name. */
  id: z.string().optional(),
  kind: z.enum(['velocity', 'flowMap']),
  /** What a resumed run must share with the run that it continues. */
  run: z.custom<Readonly<Record<string, Json>>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ),
  /** What affects only the bits of its numbers: runtime, threads, versions. */
  environment: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** Statistics of the data's samples, on which nothing depends; null for numbers that are not finite. */
  values: z.record(z.string(), z.number().nullable()).optional(),
  /** What the caller asked to record. */
  config: json,
  /** SHA-256 of the file of the result; written before it. */
  result: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** The settings that the run had before it was extended, up to a step, oldest first. */
  extended: z.array(z.object({ step: z.int().min(0), before: z.record(z.string(), json) })).optional(),
});

/** Content of a run folder's config.json. */
export type RunConfig = z.infer<typeof runConfig>;

/** Describes a run: everything that determines its numbers, including defaults. */
export function runConfigOf(setup: TrainSetup): RunConfig {
  const { network, objective, data, iterations, batchSize, seed, flip, teacher, from } = setup;
  const { optimizer, learningRate, averages, maxGradientNorm, model } = setup.trainees['student']!;
  const { path = 'linear', parametrization = 'euler' } = model!;
  const { ema, ...others } = averages;
  return {
    version: VERSION,
    kind: setup.kind,
    run: {
      iterations,
      batchSize,
      seed,
      flip,
      maxGradientNorm: maxGradientNorm ?? null,
      data: {
        name: data.name,
        length: Number.isFinite(data.length) ? data.length : 'endless',
        shape: [...data.shape],
        classes: [...data.classes],
        fingerprint: setup.fingerprint,
      },
      network: JSON.parse(JSON.stringify(network.config)) as Json,
      ...(path === 'linear' ? {} : { path }),
      ...(parametrization === 'euler' ? {} : { parametrization }),
      objective: { name: objective.name, ...objective.config },
      optimizer: { name: optimizer.name, ...optimizer.config },
      learningRate: sampled(learningRate, iterations),
      emaDecay: sampled(ema!, iterations),
      schedules: mapValues(
        {
          learningRate,
          emaDecay: ema!,
          ...withPrefix('averages', others),
          ...withPrefix('objective', objective.schedules),
        },
        (schedule) => scheduleMeans(schedule, iterations),
      ),
      ...(Object.keys(others).length > 0 ? { averages: mapValues(others, (decay) => sampled(decay, iterations)) } : {}),
      teacher: teacher === undefined ? null : 'params' in teacher ? digest(teacher) : 'opaque',
      ...(from === undefined ? {} : { from: digest(from) }),
    },
    environment: environmentOf(setup),
    values: mapValues({ ...setup.report.statistics }, (value) => (Number.isFinite(value) ? value : null)),
    config: JSON.parse(JSON.stringify(setup.config)) as Json,
  };
}

/** What affects the last bits of a run's numbers. */
function environmentOf({ runtime, stepsPerRun, parts }: TrainSetup): Record<string, string | number | boolean> {
  return {
    runtime: runtime.name,
    ...runtime.facts,
    stepsPerRun,
    parts,
    node: process.version,
    flowmap: ownVersion(),
  };
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/**
 * Reads a config.json.
 *
 * @throws {CheckpointError} when it is missing, exceeds a limit, or is not what {@link runConfigOf} gives
 */
export async function readRunConfig(path: string, limits?: ReadLimits): Promise<RunConfig> {
  return parseJsonFile(path, runConfig, limits);
}

/**
 * Checks that a run may be resumed in a folder, or its result loaded.
 *
 * @throws {RunMismatchError} listing the differences
 */
export function requireSameRun(folder: string, there: RunConfig, setup: TrainSetup): void {
  const differences = settingsThatDiffer(there, setup);
  if (differences.length === 0) return;
  throw new RunMismatchError(
    folder,
    differences,
    differences.every(isExtension) ? "extend it with whenFinished: 'extend'" : undefined,
  );
}

/** Whether a run has the same settings as this one. */
export function isSameRun(there: RunConfig, setup: TrainSetup): boolean {
  return settingsThatDiffer(there, setup).length === 0;
}

/** Longest run whose schedules are compared at its own length. */
const LONGEST = 2 ** 32;

/**
 * The settings in which a run differs from this one. Schedules are compared as those of runs of the same length, so
 * that another length is reported as just that.
 */
function settingsThatDiffer(there: RunConfig, setup: TrainSetup): string[] {
  const before = renamed(there.run);
  const { iterations } = before;
  const isLength = typeof iterations === 'number' && Number.isInteger(iterations);
  const comparable = isLength && iterations > 0 && iterations <= LONGEST;
  const now = { ...runConfigOf(comparable ? { ...setup, iterations } : setup).run, iterations: setup.iterations };
  const differences = differencesOf(
    { kind: there.kind, ...before },
    { kind: setup.kind, ...withoutUnrecorded(now, before) },
  );
  // Values at single steps say more than means, which follow from them.
  const told = new Set(differences.map(settingOf));
  return differences.filter((difference) => {
    const setting = settingOf(difference);
    return !(setting.startsWith('schedules.') && told.has(setting.split('.')[1]!));
  });
}

/** The setting that a difference is about, without the value. */
function settingOf(difference: string): string {
  return difference.split(': ', 1)[0]!;
}

/** Leaves out what runs of earlier versions did not record. */
function withoutUnrecorded(now: RunConfig['run'], there: RunConfig['run']): RunConfig['run'] {
  const { schedules, data, ...others } = now as Record<string, Record<string, Json>>;
  const { fingerprint, ...described } = data!;
  const recorded = there['data'];
  const hasFingerprint = typeof recorded === 'object' && recorded !== null && 'fingerprint' in recorded;
  return {
    ...others,
    data: { ...described, ...(hasFingerprint ? { fingerprint: fingerprint! } : {}) },
    ...('schedules' in there ? { schedules: schedules! } : {}),
  };
}

/** Settings that may change when a run is extended. */
const EXTENDABLE = ['iterations', 'learningRate', 'maxGradientNorm'];

/** Setting that may change too, for data that had to be corrected. */
const SAMPLES = 'data.fingerprint';

function isExtension(difference: string): boolean {
  const setting = settingOf(difference);
  return EXTENDABLE.includes(setting) || setting === SAMPLES || setting.startsWith('schedules.learningRate.');
}

/** An extension of a run. */
export interface Extension {
  /** The settings that it may change, as they were before. */
  readonly before: Record<string, Json>;
  /** What it changes, in the form `iterations: 6 there, 12 now`. */
  readonly changes: readonly string[];
}

/**
 * How a run is extended.
 *
 * @returns undefined if the settings are the same, so that the run is only resumed
 * @throws {RunMismatchError} listing the differences in settings that an extension may not change
 */
export function extensionOf(folder: string, there: RunConfig, setup: TrainSetup): Extension | undefined {
  const changes = settingsThatDiffer(there, setup);
  if (changes.length === 0) return undefined;
  const others = changes.filter((difference) => !isExtension(difference));
  if (others.length > 0) throw new RunMismatchError(folder, others);
  return { before: Object.fromEntries(EXTENDABLE.map((name) => [name, there.run[name] ?? null])), changes };
}

/** Settings of AYF-EMD that had other names in earlier runs. */
const RENAMED: Readonly<Record<string, string>> = { warmup: 'warmupSteps', maxWarmup: 'rMax' };

/** A run's settings under their current names. */
function renamed(run: RunConfig['run']): RunConfig['run'] {
  const { objective } = run;
  if (typeof objective !== 'object' || objective === null || Array.isArray(objective)) return run;
  const settings = Object.entries(objective as Record<string, Json>);
  if (!settings.some(([name, value]) => name === 'name' && value === 'ayf-emd')) return run;
  return { ...run, objective: Object.fromEntries(settings.map(([name, value]) => [RENAMED[name] ?? name, value])) };
}

/** The differences between two JSON values, in the form `seed: 0 there, 1 now`. */
export function differencesOf(there: Json, now: Json): string[] {
  const [before, after] = [flatten(there), flatten(now)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [a, b] = [before.get(key) ?? 'nothing', after.get(key) ?? 'nothing'];
    return a === b ? [] : [`${quoted(key).slice(1, -1)}: ${cut(a)} there, ${cut(b)} now`];
  });
}

/**
 * Reads a JSON file and checks it against a schema.
 *
 * @throws {CheckpointError} naming the file and what is wrong with it
 */
export async function parseJsonFile<T>(path: string, schema: z.ZodType<T>, limits?: ReadLimits): Promise<T> {
  const { data, error } = schema.safeParse(await readJsonFile(path, limits));
  if (!error) return data;
  const [{ path: keys, message }] = error.issues as [z.core.$ZodIssue];
  const place = keys.length > 0 ? ` at ${quoted(keys.join('.'))}` : '';
  throw new CheckpointError(path, `is damaged (${message}${place})`, { cause: error });
}

const VALUE_LENGTH = 200;

/** Shortens a value for a message about differences. */
function cut(text: string): string {
  return text.length > VALUE_LENGTH ? `${text.slice(0, VALUE_LENGTH)}…` : text;
}

/** A schedule's values over the run, which is how two schedules are compared. */
function sampled(schedule: Schedule, iterations: number): number[] {
  const steps = Array.from({ length: 9 }, (_, i) => Math.floor(((iterations - 1) * i) / 8));
  return steps.map((step) => schedule({ step, iterations }));
}

/** SHA-256 of a model's parameters, including names, and of what its output means if that is not the velocity. */
function digest({ params, parametrization = 'euler' }: Model): string {
  const hash = createHash('sha256');
  if (parametrization !== 'euler') hash.update(parametrization);
  for (const name of Object.keys(params).sort()) hash.update(name).update(bytesOf(params, name));
  return hash.digest('hex');
}

function bytesOf(params: HostTensors, name: string): Uint8Array {
  const { data } = params[name]!;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Leaves of a JSON value by path, as text; a list is one leaf. */
function flatten(value: Json, path = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return new Map([[path, JSON.stringify(value)]]);
  const children = Object.entries(value as Record<string, Json>);
  return new Map(children.flatMap(([key, child]) => [...flatten(child, path === '' ? key : `${path}.${key}`)]));
}

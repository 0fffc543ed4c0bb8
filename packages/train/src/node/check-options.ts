import { ConfigError } from '@flowmap/core';
import { inWords, requireKnownOptions, requireMember, requireRuntime, type OptionNames } from '@flowmap/tensor';
import type { DistillOptions, TrainOptions, TrainVelocityFieldOptions } from './options.js';

const COMMON: OptionNames<TrainOptions> = {
  runtime: true,
  data: true,
  objective: true,
  iterations: true,
  batchSize: true,
  seed: true,
  out: true,
  whenFinished: true,
  from: true,
  parts: true,
  stepsPerRun: true,
  signal: true,
  learningRate: true,
  optimizer: true,
  emaDecay: true,
  averages: true,
  maxGradientNorm: true,
  checkpointEvery: true,
  checkpointMinutes: true,
  keep: true,
  logEvery: true,
  flip: true,
  progress: true,
  callbacks: true,
  onLog: true,
  onNote: true,
  onData: true,
  limits: true,
  config: true,
};
const FIELD: OptionNames<TrainVelocityFieldOptions> = { ...COMMON, network: true, path: true, parametrization: true };
const DISTILLATION: OptionNames<DistillOptions> = { ...COMMON, teacher: true, student: true };

/**
 * Checks what the types of options promise, for callers without types: no unknown options, and objects where objects are
 * wanted.
 *
 * @throws {ConfigError} naming the option, what was wanted and what was given
 */
export function checkFieldOptions(options: object): void {
  requireKnownOptions<Partial<TrainVelocityFieldOptions>>('', options, FIELD);
  checkObjects(options as Record<string, unknown>);
}

/** {@link checkFieldOptions} for `distill`. */
export function checkDistillOptions(options: object): void {
  requireKnownOptions<Partial<DistillOptions>>('', options, DISTILLATION);
  const given = options as Record<string, unknown>;
  checkObjects(given);
  const { teacher } = given;
  if (isObject(teacher) && ('network' in teacher || 'evaluate' in teacher)) return;
  const isResult = isObject(teacher) && 'model' in teacher;
  const advice = isResult ? '; of a result, that is its `model`' : '';
  throw new ConfigError('teacher', `wanted a model or an opaque field, got ${inWords(teacher)}${advice}`);
}

function checkObjects({ runtime, objective, data, out }: Record<string, unknown>): void {
  requireRuntime('runtime', runtime);
  requireMember('data', data, { member: 'batch', wanted: 'a dataset, such as `checkerboard()`' });
  requireMember('objective', objective, { member: 'loss', wanted: 'an objective, such as `ayfEmd()`' });
  if (typeof out !== 'string') throw new ConfigError('out', `wanted the path of a folder, got ${inWords(out)}`);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

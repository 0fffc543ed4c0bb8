import { ConfigError, quoted } from '@flowmap/core';
import type { DistillOptions, TrainOptions, TrainVelocityFieldOptions } from './options.js';

type Names<T> = Readonly<Record<keyof T, true>>;

const COMMON: Names<TrainOptions> = {
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
  logEvery: true,
  flip: true,
  progress: true,
  callbacks: true,
  onLog: true,
  onNote: true,
  limits: true,
  config: true,
};
const FIELD: Names<TrainVelocityFieldOptions> = { ...COMMON, network: true, path: true, parametrization: true };
const DISTILLATION: Names<DistillOptions> = { ...COMMON, teacher: true, student: true };

/**
 * Checks what the types of options promise, for callers without types: no unknown options, and objects where objects are
 * wanted.
 *
 * @throws {ConfigError} naming the option, what was wanted and what was given
 */
export function checkFieldOptions(options: object): void {
  checkKnown(options, Object.keys(FIELD));
  checkObjects(options as Record<string, unknown>);
}

/** {@link checkFieldOptions} for `distill`. */
export function checkDistillOptions(options: object): void {
  checkKnown(options, Object.keys(DISTILLATION));
  const given = options as Record<string, unknown>;
  checkObjects(given);
  const { teacher } = given;
  if (isObject(teacher) && ('network' in teacher || 'evaluate' in teacher)) return;
  const isResult = isObject(teacher) && 'model' in teacher;
  const advice = isResult ? '; of a result, that is its `model`' : '';
  throw new ConfigError('teacher', `wanted a model or an opaque field, got ${inWords(teacher)}${advice}`);
}

function checkKnown(options: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (known.includes(name) || value === undefined) continue;
    const nearest = known.find((other) => initials(other) === name) ?? nearestOf(name, known);
    const advice = nearest === undefined ? `there are: ${known.join(', ')}` : `did you mean ${nearest}?`;
    throw new ConfigError(name, `is no option; ${advice}`);
  }
}

function checkObjects({ runtime, objective, data, out }: Record<string, unknown>): void {
  requireMember('runtime', runtime, { member: 'compile', wanted: 'a runtime, such as `await onnxRuntime()`' });
  requireMember('data', data, { member: 'batch', wanted: 'a dataset, such as `checkerboard()`' });
  requireMember('objective', objective, { member: 'loss', wanted: 'an objective, such as `ayfEmd()`' });
  if (typeof out !== 'string') throw new ConfigError('out', `wanted the path of a folder, got ${inWords(out)}`);
}

function requireMember(
  option: string,
  value: unknown,
  { member, wanted }: { readonly member: string; readonly wanted: string },
): void {
  if (isObject(value) && member in value) return;
  throw new ConfigError(option, `wanted ${wanted}; got ${inWords(value)}`);
}

/** A value of the wrong kind, and the mistake that it is likely to be. */
function inWords(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value instanceof Promise) return 'a promise; await it';
  if (typeof value === 'function') return `the function ${value.name || 'itself'}; call it`;
  if (typeof value === 'object') return value === null ? 'null' : 'an object of another kind';
  return quoted(value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** `lr` for `learningRate`. */
function initials(name: string): string {
  return name.replaceAll(/(?!^)[a-z]/g, '').toLowerCase();
}

/** The name that is the fewest edits away, if those are at most a third of its letters. */
function nearestOf(name: string, known: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  const ranked = known.map((other) => ({ other, edits: editsBetween(lower, other.toLowerCase()) }));
  const [best] = ranked.filter(({ other, edits }) => edits <= other.length / 3).sort((a, b) => a.edits - b.edits);
  return best?.other;
}

/** Levenshtein's distance. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

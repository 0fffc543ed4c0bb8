import { ConfigError } from './errors.js';
import { quoted } from './quoted.js';

/** The names of all options of a type: a missing name or one too many is a compile error. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>;

/**
 * Checks, for callers without types, that options are an object without unknown names. Names with the value `undefined`
 * are ignored.
 *
 * @param caller function whose options they are, as users write it: `unet`; empty to name the option alone
 * @param known names of its options
 * @throws {ConfigError} naming the option, and the known one that is nearest to it
 *
 * @example
 * function unet(options: { shape: number[]; channels: number[] }) {
 *   requireKnownOptions('unet', options, { shape: true, channels: true }); // { chanels: [16] } throws: did you mean channels?
 * }
 */
export function requireKnownOptions<T extends object>(caller: string, options: T, known: OptionNames<T>): void {
  if (!isObject(options) || Array.isArray(options)) {
    throw new ConfigError(caller || 'options', `wanted its options as an object, got ${inWords(options)}`);
  }
  const names = Object.keys(known);
  for (const [name, value] of Object.entries(options)) {
    if (Object.hasOwn(known, name) || value === undefined) continue;
    throw new ConfigError(caller === '' ? name : `${caller}.${name}`, `is no option; ${nearestText(name, names)}`);
  }
}

/** A kind of object, recognised by a member that all of them have. */
export interface ObjectKind {
  readonly member: string;
  /** The kind in words, with an example. */
  readonly wanted: string;
}

/**
 * Checks, for callers without types, that a value is an object of a kind.
 *
 * @param option as the user writes it
 * @throws {ConfigError} naming the option, what was wanted and the likely mistake, such as a promise to be awaited
 */
export function requireMember(option: string, value: unknown, { member, wanted }: ObjectKind): void {
  if (isObject(value) && member in value) return;
  throw new ConfigError(option, `wanted ${wanted}; got ${inWords(value)}`);
}

/**
 * Checks, for callers without types, that a value is a runtime.
 *
 * @throws {ConfigError} for anything else, such as the promise of a runtime
 */
export function requireRuntime(option: string, value: unknown): void {
  requireMember(option, value, { member: 'compile', wanted: 'a runtime, such as `await onnxRuntime()`' });
}

/** A value of the wrong kind, and the mistake that it is likely to be. */
export function inWords(value: unknown): string {
  if (value instanceof Promise) return 'a promise; await it';
  if (typeof value === 'function') return `the function ${value.name || 'itself'}; call it`;
  if (isObject(value) && !Array.isArray(value)) return 'an object of another kind';
  return quoted(value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function nearestText(name: string, known: readonly string[]): string {
  const nearest = known.find((other) => initials(other) === name) ?? nearestOf(name, known);
  if (nearest !== undefined) return `did you mean ${nearest}?`;
  return known.length === 0 ? 'there are none' : `there are: ${known.join(', ')}`;
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

/** The fewest letters to insert, delete, replace or exchange with their neighbour (optimal string alignment). */
function editsBetween(a: string, b: string): number {
  let above: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? above[j - 2]! + 1 : Infinity;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, replaced, exchanged));
    }
    [above, row] = [row, next];
  }
  return row[b.length]!;
}

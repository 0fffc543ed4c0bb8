import { ConfigError } from '@flowmap/core';
import { requirePositive } from './internal/checks.js';
import { isTaken, takenBefore } from './internal/places.js';
import { nestedSettings, startOf, type DrawKey, type HeldEnd, type IntervalLengths } from './intervals.js';

/** A part of a mixture of distributions of intervals. */
export interface IntervalPart {
  /** Share of the batch, in (0, 1]. */
  readonly share: number;
  readonly of: IntervalLengths;
}

/** Tolerance of the sum of the shares, for shares like 1/3. */
const ROUNDING = 1e-9;

/**
 * A mixture of distributions of intervals, each with a fixed share of the batch. A sample's part follows from its place
 * and is not drawn, so every batch has exactly these shares, up to whole samples.
 *
 * @param parts distributions with their shares, which sum to 1; `diagonalIntervals()` for a share at s = t,
 *   `intervalsToData()` for a share at s = 0
 * @throws {ConfigError} for shares outside (0, 1], or that do not sum to 1
 *
 * @example
 * const intervals = mixedIntervals([
 *   { share: 0.5, of: logUniformLengths() },
 *   { share: 0.25, of: diagonalIntervals() },
 *   { share: 0.25, of: intervalsToData() },
 * ]);
 */
export function mixedIntervals(parts: readonly IntervalPart[]): IntervalLengths {
  for (const { share } of parts) requirePositive('mixedIntervals.share', share, 1);
  const total = parts.reduce((sum, { share }) => sum + share, 0);
  if (Math.abs(total - 1) > ROUNDING) {
    const got = parts.map(({ share }) => share).join(' + ') || 'none';
    throw new ConfigError('mixedIntervals.share', `wanted shares that sum to 1, got ${got} = ${total}`);
  }
  const ranges = parts.map(({ of }) => of.range ?? ([0, 1] as const));
  return {
    name: 'mixed',
    config: Object.assign({}, ...parts.map(settingsOf)) as Record<string, string | number>,
    held: commonEnd(parts),
    range: [Math.min(...ranges.map(([shortest]) => shortest)), Math.max(...ranges.map(([, longest]) => longest))],
    draw(key) {
      const { of, place } = partAt(parts, key);
      return of.draw({ ...key, place });
    },
    start(key, length) {
      const { of, place } = partAt(parts, key);
      return startOf(of, { ...key, place }, length);
    },
  };
}

/** The part that a sample belongs to, and its place among the samples of that part. */
function partAt(parts: readonly IntervalPart[], key: DrawKey): { of: IntervalLengths; place: number } {
  let { place } = key;
  let left = 1;
  for (const { share, of } of parts.slice(0, -1)) {
    // Each part takes its share of the samples that the parts before it leave.
    const quota = Math.min(1, share / left);
    const before = takenBefore(quota, place);
    if (isTaken(quota, place)) return { of, place: before };
    place -= before;
    left -= share;
  }
  return { of: parts.at(-1)!.of, place };
}

/** The end that all parts hold; in parts of length 0 both ends are the same. */
function commonEnd(parts: readonly IntervalPart[]): HeldEnd | undefined {
  const ends = new Set(parts.filter(({ of }) => of.range?.[1] !== 0).map(({ of }) => of.held));
  return ends.size === 1 ? [...ends][0] : undefined;
}

function settingsOf({ share, of }: IntervalPart, index: number): Record<string, string | number> {
  return { [`${index}.share`]: share, ...nestedSettings(`${index}.of`, of) };
}

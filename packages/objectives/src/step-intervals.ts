import { ConfigError } from '@flowmap/core';
import { requireKnownOptions, requireWhole, uniforms } from '@flowmap/tensor';
import { logUniformLengths, nestedSettings, type DrawKey, type HeldEnd, type IntervalLengths } from './intervals.js';

/** Settings of {@link stepIntervals}. */
export interface StepIntervalsOptions {
  /** Numbers of steps to train for, distinct whole numbers >= 1; each gets the same share of the batch. */
  readonly steps: readonly number[];
  /**
   * Which end of a step stays on the grid: `end`, the target time s, for losses with a derivative with respect to t,
   * such as AYF-EMD; `start`, the time t, for losses with a derivative with respect to s, such as AYF-LMD; `end` unless
   * given.
   */
  readonly hold?: HeldEnd;
  /**
   * Spread of the held end around the grid, as a share of a step, in [0, 1]: it moves uniformly by up to half of that
   * to either side. 0 unless given, which keeps it on the grid; use more for samplers whose grids are not uniform.
   */
  readonly spread?: number;
  /** Distribution of the length as a share of a step, up to 1; `logUniformLengths({ shortest: 1 / 16 })` unless given. */
  readonly lengths?: IntervalLengths;
}

const HOLDS: readonly string[] = ['end', 'start'];

/**
 * Intervals chosen for given numbers of steps. A sampler with N steps evaluates a flow map only on the intervals
 * `[k/N, (k + 1)/N]`, so the batch is spent on those: each N gets the same share, within which every k is equally
 * likely.
 *
 * Intervals of length 1/N alone would not be enough. Distillation losses compare F with its own derivative along the
 * interval, so they need all shorter intervals in between, down to s = t, where the teacher's velocity comes in: those
 * with the same s for AYF-EMD, those with the same t for AYF-LMD. One end of the step is therefore held, and the
 * distance to the other end is drawn as a share of the step, by `lengths`.
 *
 * The student is trained for these numbers of steps on uniform grids, and for nothing else. Losses refuse
 * them with the wrong end held, and together with `orders: 'both'`, which exchanges the ends.
 *
 * @throws {ConfigError} for invalid numbers of steps, a spread out of its range, or lengths that never reach a whole step
 *
 * @example
 * const objective = ayfEmd({ intervalLengths: stepIntervals({ steps: [1, 2, 4] }) });
 */
export function stepIntervals(options: StepIntervalsOptions): IntervalLengths {
  requireKnownOptions('stepIntervals', options, { steps: true, hold: true, spread: true, lengths: true });
  const { steps, hold = 'end', spread = 0, lengths = logUniformLengths({ shortest: 1 / 16 }) } = options;
  requireSteps(steps);
  if (!HOLDS.includes(hold)) throw new ConfigError('stepIntervals.hold', `wanted 'end' or 'start', got '${hold}'`);
  if (!(spread >= 0 && spread <= 1)) {
    throw new ConfigError('stepIntervals.spread', `wanted a number in [0, 1], got ${spread}`);
  }
  const [shortest, longest] = lengths.range ?? [0, 1];
  if (longest < 1) {
    const got = `got '${lengths.name}' with at most ${longest}`;
    throw new ConfigError('stepIntervals.lengths', `wanted shares of a step up to 1, the whole step, ${got}`);
  }
  const stepsAt = ({ place }: DrawKey): number => steps[place % steps.length]!;
  const config = { steps: steps.join(', '), hold, spread, ...nestedSettings('lengths', lengths) };
  return {
    name: 'steps',
    config,
    held: hold,
    range: [shortest / Math.max(...steps), longest / Math.min(...steps)],
    draw: (key) => lengths.draw({ ...key, place: Math.floor(key.place / steps.length) }) / stepsAt(key),
    start(key, length) {
      const count = stepsAt(key);
      const [cell, off] = uniforms({ ...key, purpose: 'times.cell' }, 2) as unknown as [number, number];
      const index = Math.floor(cell * count);
      const moved = (spread * (off - 0.5)) / count;
      const start = hold === 'end' ? index / count : (index + 1) / count - length;
      return Math.min(Math.max(start + moved, 0), 1 - length);
    },
  };
}

function requireSteps(steps: readonly number[]): void {
  if (!Array.isArray(steps) || steps.length === 0) {
    throw new ConfigError('stepIntervals.steps', 'wanted a list of at least one number of steps');
  }
  for (const count of steps) requireWhole('stepIntervals.steps', count);
  if (new Set(steps).size < steps.length) {
    throw new ConfigError('stepIntervals.steps', `wanted each number of steps once, got ${steps.join(', ')}`);
  }
}

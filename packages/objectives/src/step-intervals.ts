import { ConfigError } from '@flowmap/core';
import { requireWhole, uniforms } from '@flowmap/tensor';
import { logUniformLengths, nestedSettings, type DrawKey, type IntervalLengths } from './intervals.js';

/** Settings of {@link stepIntervals}. */
export interface StepIntervalsOptions {
  /** Numbers of steps that the student is for, whole numbers >= 1, each once; each gets the same share of the batch. */
  readonly steps: readonly number[];
  /**
   * Which end of a step is held: `end`, its target s, for losses whose derivative is by t, such as AYF-EMD; `start`, its t, for
   * those by s, such as AYF-LMD; `end` unless given.
   */
  readonly hold?: 'end' | 'start';
  /**
   * How far the held end is spread around the grid, in steps: uniformly by up to half of it to either side, in [0, 1]; 0, the grid
   * itself, unless given. For samplers whose grids are not the uniform ones.
   */
  readonly spread?: number;
  /** Distribution of the length as a share of the step, with 1 within its range; `logUniformLengths({ shortest: 1/16 })` unless given. */
  readonly lengths?: IntervalLengths;
}

const HOLDS: readonly string[] = ['end', 'start'];

/**
 * Intervals chosen for the numbers of steps aimed at. A sampler of N steps asks a flow map for the intervals `[k/N, (k + 1)/N]` and
 * no others, so the batch goes to those, the same share to each N and within it to each k.
 *
 * Intervals of the length 1/N alone would not do: a loss of distillation compares F with its own derivative along the interval, and
 * what it knows of the teacher comes in at s = t. AYF-EMD carries it from there to longer intervals with the same s, AYF-LMD to those
 * with the same t. So one end of the step is held, and the other is drawn between it and the step's other end, its distance as a
 * share of the step by `lengths`.
 *
 * The student is then for these numbers of steps on uniform grids; elsewhere it is not trained. Grids that contain one another, as
 * those of 1, 2 and 4 steps do, share the ends that are held.
 *
 * @throws {ConfigError} for numbers of steps that are none, a spread out of its range, or lengths that never are a whole step
 *
 * @example
 * const objective = ayfEmd({ intervalLengths: stepIntervals({ steps: [1, 2, 4] }) });
 */
export function stepIntervals(options: StepIntervalsOptions): IntervalLengths {
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

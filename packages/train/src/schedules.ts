import { ConfigError, type Schedule } from '@flowmap/core';
import { requireKnownOptions } from '@flowmap/tensor';

export type { Schedule };

/** Settings of a schedule that rises and then decays. */
export interface DecayOptions {
  /** Steps of the linear rise from 0; 5 % of the run, at most 1,000, unless given. */
  readonly warmupSteps?: number;
  /** Value at the end as a fraction of the peak, in [0, 1]; 0 unless given. */
  readonly final?: number;
}

/** The same value at every step. */
export function constantSchedule(value: number): Schedule {
  return () => value;
}

/**
 * Rises linearly over the warm-up, then falls along half a cosine: `peak (final + (1 - final) (1 + cos(pi p)) / 2)`, p
 * from 0 at the end of the warm-up to 1 at the end of the run (Loshchilov and Hutter, "SGDR", 2017, equation 5, without
 * restarts).
 *
 * @throws {ConfigError} for a setting out of its range
 */
export function cosineSchedule(peak: number, options: DecayOptions = {}): Schedule {
  return decaying('cosineSchedule', peak, options, (p) => (1 + Math.cos(Math.PI * p)) / 2);
}

/**
 * Rises linearly over the warm-up, then falls linearly: `peak (final + (1 - final) (1 - p))`, p from 0 at the end of
 * the warm-up to 1 at the end of the run.
 *
 * @throws {ConfigError} for a setting out of its range
 */
export function linearSchedule(peak: number, options: DecayOptions = {}): Schedule {
  return decaying('linearSchedule', peak, options, (p) => 1 - p);
}

function decaying(name: string, peak: number, options: DecayOptions, shape: (p: number) => number): Schedule {
  requireKnownOptions(name, options, { warmupSteps: true, final: true });
  const { warmupSteps, final = 0 } = options;
  if (!(peak >= 0 && Number.isFinite(peak))) throw new ConfigError(`${name}.peak`, `wanted a number >= 0, got ${peak}`);
  if (!(final >= 0 && final <= 1)) throw new ConfigError(`${name}.final`, `wanted a number in [0, 1], got ${final}`);
  if (warmupSteps !== undefined && !(warmupSteps >= 0)) {
    throw new ConfigError(`${name}.warmupSteps`, `wanted a number of steps >= 0, got ${warmupSteps}`);
  }
  return ({ step, iterations }) => {
    const rise = warmupSteps ?? Math.min(0.05 * iterations, 1000);
    // The rate is already positive at the first step, and still is at the last.
    if (step + 1 <= rise) return (peak * (step + 1)) / rise;
    const p = Math.min(1, (step - rise) / Math.max(1, iterations - rise));
    return peak * (final + (1 - final) * shape(Math.max(0, p)));
  };
}

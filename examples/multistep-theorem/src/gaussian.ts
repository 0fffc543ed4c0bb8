import type { PathName } from '@flowmap/core';
import { factorsAt, spreadAt } from './factors.js';

// For data N(0, c^2) the optimal consistency model is linear, f*(x, t) = c x / sigma_x(t) with sigma_x(t) the deviation of
// x_t, and so is the flow map. Samples of perturbed ones stay normal, and their deviation follows from step to step
// exactly: no samples are drawn. Distances are Wasserstein-2, which for centred normal laws on a line is |s - c|.

/** How the data's deviation and the path are given. */
export interface Setting {
  /** Standard deviation c of the data, > 0. */
  readonly std: number;
  /** `linear` unless given. */
  readonly path?: PathName;
}

/**
 * Standard deviation of the samples of a consistency model with a relative error, `f(x, t) = (1 + g(t)) f*(x, t)`:
 *
 *     s_1 = c (1 + g(1)),   s_(i+1)^2 = c^2 (1 + g(t))^2 (alpha^2 s_i^2 + sigma^2) / (alpha^2 c^2 + sigma^2)
 *
 * as each step adds noise to the last one's samples, to a time t, and returns to data.
 *
 * @param times the grid, from 1 to 0
 */
export function consistencySpread(
  { std, path = 'linear' }: Setting,
  times: readonly number[],
  g: (t: number) => number,
): number {
  let spread = 0; // of no data, all being noise at t = 1
  for (const t of times.slice(0, -1)) {
    const { alpha, sigma } = factorsAt(path, t);
    spread = ((1 + g(t)) * std * Math.hypot(alpha * spread, sigma)) / spreadAt(path, std, t);
  }
  return spread;
}

/**
 * Mean of the samples of a consistency model with a constant error, `f(x, t) = f*(x, t) + b`, whose deviation is the
 * data's: `m_(i+1) = b + c alpha m_i / sigma_x(t)`. It is also their distance from the data.
 */
export function consistencyMean({ std, path = 'linear' }: Setting, times: readonly number[], bias: number): number {
  let mean = 0;
  for (const t of times.slice(0, -1)) {
    mean = bias + (std * factorsAt(path, t).alpha * mean) / spreadAt(path, std, t);
  }
  return mean;
}

/**
 * Standard deviation of the samples of a flow map with a relative error, `F = (1 + eta) F*`: each step multiplies it by
 * `1 + (1 + eta) (sigma_x(s) / sigma_x(t) - 1)`. With the number of steps it tends to `c^(1 + eta)`, on every path.
 */
export function flowMapSpread({ std, path = 'linear' }: Setting, times: readonly number[], eta: number): number {
  let spread = 1;
  for (let i = 1; i < times.length; i++) {
    const ratio = spreadAt(path, std, times[i]!) / spreadAt(path, std, times[i - 1]!);
    spread *= 1 + (1 + eta) * (ratio - 1);
  }
  return spread;
}

import type { PathName } from '@flowmap/core';

/** The factors of data and noise at a time of a path, `x_t = alpha x_0 + sigma z`, as numbers. */
export interface Factors {
  readonly alpha: number;
  readonly sigma: number;
}

/** {@link Factors} at a time from 0 = data to 1 = noise. */
export function factorsAt(path: PathName, t: number): Factors {
  if (path === 'linear') return { alpha: 1 - t, sigma: t };
  return { alpha: Math.sin(((1 - t) * Math.PI) / 2), sigma: Math.sin((t * Math.PI) / 2) };
}

/** Standard deviation `sqrt(alpha^2 c^2 + sigma^2)` of the path at a time, for data of deviation c. */
export function spreadAt(path: PathName, std: number, t: number): number {
  const { alpha, sigma } = factorsAt(path, t);
  return Math.hypot(alpha * std, sigma);
}

import type { Dataset } from '@flowmap/core';

/** A distribution whose density is known in closed form. */
export interface DatasetWithDensity extends Dataset {
  /**
   * Natural logarithm of the probability density at one point.
   *
   * @param point coordinates of the point, as many as one sample has
   * @returns ln p(point); `-Infinity` where the density is 0
   * @throws {ConfigError} when the point has a different number of coordinates
   */
  logDensity(point: ArrayLike<number>): number;
}

/** Options of every toy distribution. */
export interface ToyOptions {
  /** Draw i is a function of (seed, i); default 0. */
  readonly seed?: number;
}

import type { Objective } from '@flowmap/core';
import { lengthSettings, requireServing, sampleIntervals, type HeldEnd, type IntervalLengths } from '../intervals.js';
import { requireShare } from './checks.js';

/** Options of objectives that are trained on intervals. */
export interface IntervalOptions {
  /** Distribution of the intervals, such as `mixedIntervals(…)`. */
  readonly intervalLengths?: IntervalLengths;
  /** Share of the batch at s = t, in [0, 1), where the loss is flow matching. */
  readonly diagonalShare?: number;
}

/**
 * What an objective draws from a distribution of intervals, and how this is recorded.
 *
 * @param caller name of the objective's function, for messages
 * @param options.diagonalShare not recorded, and 0, unless given
 * @param held the end of the intervals that the distribution may hold; neither for losses on intervals of
 *   all kinds
 * @throws {ConfigError} for a share out of its range, or a distribution that does not suit the loss
 */
export function intervalDraws(
  caller: string,
  { intervalLengths, diagonalShare }: IntervalOptions & Required<Pick<IntervalOptions, 'intervalLengths'>>,
  held: HeldEnd | undefined,
): Pick<Objective, 'config' | 'draw'> {
  if (diagonalShare !== undefined) requireShare(`${caller}.diagonalShare`, diagonalShare, { zero: true });
  requireServing(caller, intervalLengths, held, 'down');
  return {
    config: { ...lengthSettings(intervalLengths), ...(diagonalShare === undefined ? {} : { diagonalShare }) },
    draw: (key, batchSize) => sampleIntervals(key, batchSize, intervalLengths, diagonalShare),
  };
}

import { ConfigError } from '@flowmap/core';
import { requirePositive, requireUnweighted } from './checks.js';
import type { AdaptiveWeight } from './scaled-squares.js';

/** Options of objectives whose samples can have an adaptive weight. */
export interface AdaptiveOptions {
  /**
   * Power p of the adaptive weight `1 / (‖g‖² + c)^p` of a sample, at least 0; 0 for none. Without a teacher it is
   * refused for samples of fewer than 16 values, where the mean over noise would no longer be a mean.
   */
  readonly power?: number;
  /** Constant c of the adaptive weight, > 0. */
  readonly c?: number;
}

/**
 * Checks an adaptive weight.
 *
 * @throws {ConfigError} for a setting out of its range
 */
export function requireAdaptive(caller: string, { power, c }: AdaptiveWeight): void {
  if (!(power >= 0 && power < Infinity)) {
    throw new ConfigError(`${caller}.power`, `wanted a number >= 0, got ${power}`);
  }
  requirePositive(`${caller}.c`, c);
}

/**
 * Checks that there is no adaptive weight where it would be wrong: without a teacher, for samples with few values.
 *
 * @throws {ConfigError} for fewer than 16 values and a power above 0
 */
export function requireWeightless(
  caller: string,
  { power, size }: { readonly power: number; readonly size: number },
): void {
  requireUnweighted(`${caller}.power`, { isWeighted: power > 0, size, wanted: `power: 0, got ${power}` });
}

import { classConditions, requireKnownOptions, type Batch, type Dataset, type RandomKey } from '@flowmap/core';
import { checkIndices, checkInteger } from './internal/checks.js';
import { streamKey } from './internal/stream-key.js';

/** Options of {@link distribution}. */
export interface DistributionOptions {
  /** Name in logs and error messages. */
  readonly name: string;
  /** Numbers in one sample. */
  readonly dimension: number;
  /** Names of the classes; `[]` = unconditional. */
  readonly classes: readonly string[];
  /** Draw i is a function of (seed, i); a whole number >= 0. */
  readonly seed: number;
  /**
   * Writes one draw to `out[at], out[at + 1], …` and returns its class, which is ignored if there are no classes; `key`
   * names the draw's own random stream.
   */
  readonly draw: (key: (purpose: string) => RandomKey, out: Float32Array, at: number) => number;
}

/**
 * A dataset of infinite length from a function that makes one draw: each draw has its own random streams, so sample i
 * is a function of the seed and i alone.
 *
 * @throws {ConfigError} for an unknown option, or a seed that is not a whole number
 *
 * @example
 * const line = distribution({ name: 'line', dimension: 1, classes: [], seed: 0, draw: (key, out, at) => ((out[at] = uniforms(key('line'), 1)[0]!), 0) });
 */
export function distribution(options: DistributionOptions): Dataset {
  requireKnownOptions('distribution', options, { name: true, dimension: true, classes: true, seed: true, draw: true });
  const { name, dimension, classes, seed, draw } = options;
  checkInteger(name, 'seed', seed, 0);
  const drawAll = (indices: ArrayLike<number>): Batch => {
    checkIndices(`${name}.batch`, indices, Infinity);
    const x = new Float32Array(indices.length * dimension);
    const labels = new Int32Array(indices.length);
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      labels[i] = draw((purpose) => streamKey(seed, purpose, index), x, i * dimension);
    }
    return { x, conditions: classes.length > 0 ? { label: labels } : {} };
  };
  return {
    name,
    length: Infinity,
    shape: [dimension],
    classes: [...classes],
    conditions: classConditions(classes.length),
    batch: async (indices) => Promise.resolve(drawAll(indices)),
  };
}

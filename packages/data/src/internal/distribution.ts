import { classConditions, type Batch, type Dataset, type RandomKey } from '@flowmap/core';
import { checkIndices, checkInteger } from './checks.js';
import { streamKey } from './stream-key.js';

/** Options of an endless dataset of vectors. */
interface DistributionOptions {
  readonly name: string;
  /** Numbers in one sample. */
  readonly dimension: number;
  readonly classes: readonly string[];
  readonly seed: number;
  /**
   * Writes one draw to `out[at], out[at + 1], …` and returns its class, which is ignored if there are no classes; `key`
   * names the draw's own random stream.
   */
  readonly draw: (key: (purpose: string) => RandomKey, out: Float32Array, at: number) => number;
}

/** A dataset of infinite length whose sample i is a function of i alone. */
export function distribution({ name, dimension, classes, seed, draw }: DistributionOptions): Dataset {
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

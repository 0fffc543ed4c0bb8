import type { Batch, Dataset } from '@flowmap/core';
import { checkIndices } from './checks.js';

/** What an endless dataset of vectors is made of. */
interface DistributionOptions {
  readonly name: string;
  /** Numbers in one sample. */
  readonly dimension: number;
  readonly classes: readonly string[];
  /** Writes draw `sample` to `out[at], out[at + 1], …` and returns its label. */
  readonly draw: (sample: number, out: Float32Array, at: number) => number;
}

/** A dataset of infinite length whose sample i is a function of i alone. */
export function distribution({ name, dimension, classes, draw }: DistributionOptions): Dataset {
  return {
    name,
    length: Infinity,
    shape: [dimension],
    classes: [...classes],
    async batch(indices): Promise<Batch> {
      checkIndices(`${name}.batch`, indices, Infinity);
      const x = new Float32Array(indices.length * dimension);
      const labels = new Int32Array(indices.length);
      for (let i = 0; i < indices.length; i++) labels[i] = draw(indices[i]!, x, i * dimension);
      return { x, labels };
    },
  };
}

import type { HostTensor } from '@flowmap/tensor';
import { FeatureError } from './errors.js';

/** Where features come from. */
export interface FeatureSource {
  /** Name of the network or function: `random-convolution`; `none` for the samples themselves. */
  readonly extractor: string;
  /** Hash of its weights; null if it has none or the hash is unknown. */
  readonly weights: string | null;
  /** How images were resized to the extractor's size, such as `none` or `bilinear-299`. */
  readonly resize: string;
}

/** Checked rows of numbers, one per sample. */
export interface Features {
  /** Number of samples. */
  readonly count: number;
  /** Numbers per sample. */
  readonly width: number;
  /** `[count, width]`, row-major, all of them finite. */
  readonly values: Float32Array | Float64Array;
  readonly source: FeatureSource;
}

/** The source of samples that are compared directly: points. */
export const POINTS: FeatureSource = { extractor: 'none', weights: null, resize: 'none' };

/**
 * Checks features, or points, which are their own features.
 *
 * @param tensor floats `[count, …]`; the axes after the first belong to one sample
 * @param source source of the features; points unless given
 * @throws {FeatureError} for a tensor of integers or without axes, and for a NaN or an infinity, naming the sample
 */
export function features(tensor: HostTensor, source: FeatureSource = POINTS): Features {
  const { shape, data } = tensor;
  const [count] = shape;
  if (count === undefined || !(data instanceof Float32Array || data instanceof Float64Array)) {
    throw new FeatureError('features', `wanted floats [count, width], got ${tensor.dtype} [${shape.join(', ')}]`);
  }
  const width = data.length / count;
  requireFinite('features', data, width);
  return { count, width, values: data, source };
}

/** Throws a {@link FeatureError} naming the sample of a value that is not finite. */
export function requireFinite(operation: string, values: Float32Array | Float64Array, width: number, first = 0): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      const sample = first + Math.floor(i / width);
      throw new FeatureError(operation, `sample ${sample} has the feature ${values[i]} at ${i % width}`, sample);
    }
  }
}

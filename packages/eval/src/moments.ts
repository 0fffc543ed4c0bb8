import { CheckpointError, decodeSafetensors, encodeSafetensors } from '@flowmap/core';
import { hostTensor, requireKnownOptions, requireWhole, type HostTensor } from '@flowmap/tensor';
import { FeatureError, TooFewSamplesError } from './errors.js';
import { POINTS, requireFinite, type Features, type FeatureSource } from './features.js';
import { hashOf } from './internal/sha256.js';
import { requireSameWidth } from './internal/checks.js';
import { addProduct, mirrorLower, transposed } from './linear-algebra/products.js';
import { requireSameSource } from './protocol.js';

/** Mean and covariance of features: all that a Fréchet distance needs. */
export interface Moments {
  /** Number of samples. */
  readonly count: number;
  readonly width: number;
  readonly mean: Float64Array;
  /** `[width, width]`, with the denominator `count - 1`. */
  readonly covariance: Float64Array;
  readonly source: FeatureSource;
}

/** Moments accumulated batch by batch, in float64 throughout. */
export interface FeatureMoments {
  readonly count: number;
  readonly width: number;
  readonly source: FeatureSource;
  /**
   * Adds a batch of features.
   *
   * @param batch floats `[n, width]`; neither mean nor covariance is rounded on the way
   * @throws {FeatureError} for another width, or a NaN or an infinity, naming the sample by its index among all so far;
   *   nothing of the batch is added then
   */
  add(batch: HostTensor): void;
  /**
   * Adds what was accumulated by another process or from another part of the data (Chan, Golub and LeVeque, 1979).
   *
   * @throws {FeatureError} for another width
   * @throws {ProtocolError} for features from another source
   */
  merge(other: FeatureMoments): void;
  /**
   * Mean and covariance of everything added so far.
   *
   * @throws {TooFewSamplesError} for fewer than 2 samples
   * @throws {FeatureError} for features whose squares overflow
   */
  moments(): Moments;
  /** The sums as a safetensors file, from which {@link decodeMoments} restores them. */
  encode(): Uint8Array<ArrayBuffer>;
}

/** Number of samples copied and added at a time. */
const ROWS = 1024;

/**
 * Sums over samples: their number, the mean, and the sum of `(x - mean) (x - mean)^T`, whose entries above the diagonal
 * are unspecified.
 */
interface Sums {
  count: number;
  readonly mean: Float64Array;
  readonly scatter: Float64Array;
}

/**
 * Starts accumulating.
 *
 * @param width numbers per sample, at least 1
 * @param source source of the features; points unless given
 * @throws {ConfigError} for a width that is not a whole number >= 1
 */
export function featureMoments(width: number, source: FeatureSource = POINTS): FeatureMoments {
  requireWhole('featureMoments.width', width);
  return accumulate({ count: 0, mean: new Float64Array(width), scatter: new Float64Array(width * width) }, source);
}

/** Moments of features in memory. */
export function momentsOf({ count, width, values, source }: Features): Moments {
  const sums = featureMoments(width, source);
  sums.add(hostTensor([count, width], values));
  return sums.moments();
}

/**
 * Reads what `encode` of {@link FeatureMoments} wrote.
 *
 * @param name name of the file, for messages
 * @throws {CheckpointError} for bytes that are not such a file
 */
export function decodeMoments(bytes: Uint8Array, name: string): FeatureMoments {
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  const { mean, scatter } = tensors;
  const count = Number(metadata['count']);
  const width = mean?.data.length ?? 0;
  const { extractor, weights, resize } = metadata;
  const whole =
    mean !== undefined &&
    scatter !== undefined &&
    [mean, scatter].every(({ dtype }) => FLOATS.includes(dtype)) &&
    scatter.data.length === (width * (width + 1)) / 2 &&
    Number.isSafeInteger(count) &&
    count >= 0 &&
    extractor !== undefined &&
    resize !== undefined;
  if (!whole) {
    throw new CheckpointError(
      name,
      'wanted moments of features: F32 or F64 tensors mean [d] and scatter [d (d + 1) / 2], a count and a source',
    );
  }
  const sums = { count, mean: Float64Array.from(mean.data), scatter: unpacked(scatter.data, width) };
  if (![sums.mean, sums.scatter].every((values) => values.every(Number.isFinite))) {
    throw new CheckpointError(name, 'moments of features hold a number that is not finite');
  }
  return accumulate(sums, { extractor, weights: weights ?? null, resize });
}

/**
 * Moments as a safetensors file, from which {@link decodeMoments} makes sums that can be continued: for example,
 * statistics that were read from a `.npz` file. Only one triangle of the covariance is written.
 *
 * @param options.dtype `float32` halves the file and rounds: unless features are almost linearly dependent, distances
 *   change by about 1e-6 of the traces; `float64` unless given
 */
export function encodeMoments(
  { count, mean, covariance, source }: Moments,
  options: { dtype?: 'float32' | 'float64' } = {},
): Uint8Array<ArrayBuffer> {
  requireKnownOptions('encodeMoments', options, { dtype: true });
  const { dtype = 'float64' } = options;
  return encodeSums({ count, mean, scatter: covariance.map((value) => value * (count - 1)) }, source, dtype);
}

/** Hash of moments, for the protocol of a comparison with them. */
export function hashOfMoments({ count, mean, covariance }: Moments): string {
  return hashOf(Float64Array.of(count), mean, covariance);
}

const sumsOf = new WeakMap<FeatureMoments, Sums>();

function accumulate(sums: Sums, source: FeatureSource): FeatureMoments {
  const width = sums.mean.length;
  const self: FeatureMoments = {
    get count() {
      return sums.count;
    },
    width,
    source,
    add(batch) {
      const { shape, data } = batch;
      const [count = 0] = shape;
      if (shape.length !== 2 || shape[1] !== width || !(data instanceof Float32Array || data instanceof Float64Array)) {
        const got = `${batch.dtype} [${shape.join(', ')}]`;
        throw new FeatureError('moments.add', `wanted floats [count, ${width}], got ${got}`);
      }
      requireFinite('moments.add', data, width, sums.count);
      for (let first = 0; first < count; first += ROWS) {
        const rows = Math.min(ROWS, count - first);
        join(sums, sumsOfBatch(data.subarray(first * width, (first + rows) * width), rows, width));
      }
    },
    merge(other) {
      requireSameSource('moments.merge', other.source, source);
      requireSameWidth('moments.merge', other.width, width);
      const { count, mean, scatter } = sumsOf.get(other)!;
      join(sums, { count, mean: mean.slice(), scatter: other === self ? scatter.slice() : scatter });
    },
    moments() {
      const { count, mean, scatter } = sums;
      if (count < 2) throw new TooFewSamplesError('moments', 2, count);
      const covariance = scatter.map((value) => value / (count - 1));
      mirrorLower(covariance, width);
      if (!covariance.every(Number.isFinite)) {
        throw new FeatureError('moments', 'the features are too large for their squares; scale them down');
      }
      return { count, width, mean: mean.slice(), covariance, source };
    },
    encode() {
      return encodeSums(sums, source);
    },
  };
  sumsOf.set(self, sums);
  return self;
}

const FLOATS: readonly string[] = ['float32', 'float64'];

function encodeSums(
  { count, mean, scatter }: Sums,
  { weights, ...names }: FeatureSource,
  dtype: 'float32' | 'float64' = 'float64',
): Uint8Array<ArrayBuffer> {
  const floats = dtype === 'float32' ? Float32Array : Float64Array;
  const width = mean.length;
  const triangle = new floats((width * (width + 1)) / 2);
  for (let i = 0; i < width; i++) triangle.set(scatter.subarray(i * width, i * width + i + 1), (i * (i + 1)) / 2);
  return encodeSafetensors(
    { mean: hostTensor([width], new floats(mean)), scatter: hostTensor([triangle.length], triangle) },
    { count: String(count), ...names, ...(weights === null ? {} : { weights }) },
    { checksums: true },
  );
}

/** A square matrix with the rows of a lower triangle, zero above the diagonal. */
function unpacked(triangle: ArrayLike<number>, width: number): Float64Array {
  const square = new Float64Array(width * width);
  for (let i = 0, at = 0; i < width; i++) {
    for (let j = 0; j <= i; j++, at++) square[i * width + j] = triangle[at]!;
  }
  return square;
}

/** Sums of one batch about its own mean, to avoid cancellation. */
function sumsOfBatch(values: Float32Array | Float64Array, count: number, width: number): Sums {
  const mean = new Float64Array(width);
  for (let i = 0; i < values.length; i++) mean[i % width]! += values[i]!;
  for (let j = 0; j < width; j++) mean[j]! /= count;
  const centred = Float64Array.from(values, (value, i) => value - mean[i % width]!);
  const columns = transposed(centred, count, width);
  const scatter = new Float64Array(width * width);
  addProduct(scatter, columns, columns, [width, width, count], { lower: true });
  return { count, mean, scatter };
}

/** Adds sums to others: `S = S1 + S2 + n1 n2 / (n1 + n2) (m2 - m1) (m2 - m1)^T`. */
function join(into: Sums, { count, mean, scatter }: Sums): void {
  if (count === 0) return;
  const width = mean.length;
  const total = into.count + count;
  const step = mean.map((value, i) => value - into.mean[i]!);
  const factor = (into.count * count) / total;
  for (let i = 0; i < width; i++) {
    const scaled = factor * step[i]!;
    for (let j = 0, at = i * width; j <= i; j++, at++) into.scatter[at]! += scatter[at]! + scaled * step[j]!;
  }
  for (let i = 0; i < width; i++) into.mean[i]! += (count / total) * step[i]!;
  into.count = total;
}

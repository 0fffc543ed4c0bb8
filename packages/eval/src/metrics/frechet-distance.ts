import { requireKnownOptions } from '@flowmap/tensor';
import { FeatureError } from '../errors.js';
import type { Features } from '../features.js';
import { requireComparable, requireCount, requireSameWidth } from '../internal/checks.js';
import { meanOfRows } from '../internal/statistics.js';
import { plainLinearAlgebra, type LinearAlgebra } from '../linear-algebra/linear-algebra.js';
import type { PivotedCholesky } from '../linear-algebra/pivoted-cholesky.js';
import { nuclearNorm, traceOfRoot, traceOfRootOfRows } from '../linear-algebra/trace-of-root.js';
import { hashOfMoments, momentsOf, type Moments } from '../moments.js';
import { protocolOf, requireSameSource, type MetricResult } from '../protocol.js';

/** Moments to compare with, and a factor that is computed once for them. */
export interface FrechetReference {
  readonly moments: Moments;
  /** Cholesky factor of the covariance. */
  readonly root: PivotedCholesky;
  readonly hash: string;
  /** The linear algebra by which it was computed and its distances are. */
  readonly linearAlgebra: LinearAlgebra;
}

/** How a distance is computed. */
export interface FrechetReferenceOptions {
  /** JavaScript on one thread unless given; `nativeLinearAlgebra` of `@flowmap/eval/node` is faster. */
  readonly linearAlgebra?: LinearAlgebra;
}

/** Options of {@link frechetDistance}. */
export interface FrechetOptions extends FrechetReferenceOptions {
  /**
   * Name in the protocol, where the features have a customary one: `fid`, `sfid`, `fd-dinov2`; `frechet-distance` unless
   * given.
   */
  readonly name?: string;
}

/** Prepares moments for computing many distances from them, which saves a third of the time of each. */
export function frechetReference(moments: Moments, options: FrechetReferenceOptions = {}): FrechetReference {
  requireKnownOptions('frechetReference', options, { linearAlgebra: true });
  const { linearAlgebra = plainLinearAlgebra } = options;
  const root = linearAlgebra.pivotedCholesky(moments.covariance, moments.width);
  return { moments, root, hash: hashOfMoments(moments), linearAlgebra };
}

/**
 * Fréchet distance between two normal distributions with the moments of the features (Heusel et al., 2017; Dowson and
 * Landau, 1982): `|m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)`, covariances with the denominator N - 1. It is
 * called FID only with the features of the Inception network of 2015. Nothing is added to the diagonal; singular
 * covariances, from fewer samples than features, are handled like any others. The distance has a bias of about 1 / N,
 * so only distances with equal N can be compared.
 *
 * @returns a value >= 0, accurate to about 1e-12 of the traces, or 1e-7 for singular covariances
 * @throws {ProtocolError} for features of different sources
 * @throws {FeatureError} for different widths
 * @throws {TooFewSamplesError} for fewer than 2 samples
 */
export function frechetDistance(
  generated: Moments,
  reference: Moments | FrechetReference,
  options: FrechetOptions = {},
): MetricResult {
  requireKnownOptions('frechetDistance', options, { name: true, linearAlgebra: true });
  const { moments, root, hash, linearAlgebra } = prepared(reference, options);
  requireSameSource('frechetDistance', generated.source, moments.source);
  requireSameWidth('frechetDistance', generated.width, moments.width);
  requireCount('frechetDistance', generated.count, 2, 'generated');
  requireCount('frechetDistance', moments.count, 2, 'reference');
  const { width } = moments;
  const traces = trace(generated) + trace(moments) - 2 * traceOfRoot(root, generated.covariance, width, linearAlgebra);
  return resultOf(squaredDistance(generated.mean, moments.mean) + traces, generated, hash, options);
}

/**
 * The same distance from features in memory. If a side in memory has fewer samples than features, it comes from the
 * singular values of a correspondingly small product, which is faster; otherwise from moments.
 *
 * @param reference features, or moments
 * @throws what {@link frechetDistance} does
 */
export function frechetDistanceOfFeatures(
  generated: Features,
  reference: Features | Moments | FrechetReference,
  options: FrechetOptions = {},
): MetricResult {
  requireKnownOptions('frechetDistanceOfFeatures', options, { name: true, linearAlgebra: true });
  return 'values' in reference
    ? distanceOfTwo(generated, reference, options)
    : distanceFromMoments(generated, reference, options);
}

function distanceOfTwo(generated: Features, reference: Features, options: FrechetOptions): MetricResult {
  requireComparable('frechetDistanceOfFeatures', generated, reference, 2);
  const { width } = generated;
  const moments = momentsOf(reference);
  if (Math.min(generated.count, reference.count) >= width) {
    return frechetDistance(momentsOf(generated), moments, options);
  }
  const [a, b] = [centred(generated), centred(reference)];
  const shape = [generated.count, reference.count, width] as const;
  const root = nuclearNorm(a.rows, b.rows, shape, options.linearAlgebra);
  const value = squaredDistance(a.mean, b.mean) + a.trace + b.trace - 2 * root;
  return resultOf(value, generated, hashOfMoments(moments), options);
}

function distanceFromMoments(
  generated: Features,
  reference: Moments | FrechetReference,
  options: FrechetOptions,
): MetricResult {
  const { count, width, source } = generated;
  const against = 'root' in reference ? reference.moments : reference;
  requireSameSource('frechetDistanceOfFeatures', source, against.source);
  requireSameWidth('frechetDistanceOfFeatures', width, against.width);
  requireCount('frechetDistanceOfFeatures', count, 2, 'generated');
  requireCount('frechetDistanceOfFeatures', against.count, 2, 'reference');
  if (count >= width) return frechetDistance(momentsOf(generated), reference, options);
  const { moments, root, hash, linearAlgebra } = prepared(reference, options);
  const { rows, mean, trace: own } = centred(generated);
  const traces = own + trace(moments) - 2 * traceOfRootOfRows(root, rows, [count, width], linearAlgebra);
  return resultOf(squaredDistance(mean, moments.mean) + traces, generated, hash, options);
}

function prepared(reference: Moments | FrechetReference, { linearAlgebra }: FrechetOptions): FrechetReference {
  if (!('root' in reference)) return frechetReference(reference, linearAlgebra && { linearAlgebra });
  return { ...reference, linearAlgebra: linearAlgebra ?? reference.linearAlgebra };
}

function resultOf(
  value: number,
  generated: Moments | Features,
  reference: string,
  { name = 'frechet-distance' }: FrechetOptions,
): MetricResult {
  if (!Number.isFinite(value)) {
    throw new FeatureError('frechetDistance', 'the features are too large for their squares; scale them down');
  }
  return { value: Math.max(0, value), protocol: protocolOf(name, generated, { reference }) };
}

/** Rows minus their mean, divided by the root of N - 1, so the covariance is `R^T R`. */
function centred({ values, count, width }: Features): { rows: Float64Array; mean: Float64Array; trace: number } {
  const mean = meanOfRows({ values, count, width });
  const scale = 1 / Math.sqrt(count - 1);
  const rows = Float64Array.from(values, (value, i) => scale * (value - mean[i % width]!));
  return { rows, mean, trace: rows.reduce((sum, value) => sum + value * value, 0) };
}

function trace({ covariance, width }: Moments): number {
  let sum = 0;
  for (let i = 0; i < width; i++) sum += covariance[i * width + i]!;
  return sum;
}

function squaredDistance(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
}

import { normals, requireWhole } from '@flowmap/tensor';
import type { Features } from '../features.js';
import { requireComparable } from '../internal/checks.js';
import { hashOfFeatures, protocolOf, type MetricResult } from '../protocol.js';

/**
 * Sliced Wasserstein-2 distance (Bonneel et al., 2015): the root of the mean, over random unit directions u, of the
 * squared Wasserstein-2 distance between `u . x` and `u . y`, which is the mean squared difference of their quantiles.
 * The numbers of samples may differ.
 *
 * @param options.directions number of directions, at least 1; 128 unless given
 * @param options.seed seed of the directions; 0 unless given
 * @returns a distance in the unit of the samples, 0 for equal sets
 * @throws {TooFewSamplesError} if there are no samples
 * @throws {ProtocolError | FeatureError} for samples that cannot be compared
 * @throws {ConfigError} for a number of directions that is not a whole number >= 1
 */
export function slicedWasserstein(
  generated: Features,
  reference: Features,
  { directions = 128, seed = 0 }: { readonly directions?: number; readonly seed?: number } = {},
): MetricResult {
  requireWhole('slicedWasserstein.directions', directions);
  requireComparable('slicedWasserstein', generated, reference, 1);
  let sum = 0;
  for (let step = 0; step < directions; step++) {
    const u = normals({ seed, purpose: 'sliced-wasserstein', step }, generated.width);
    const length = Math.sqrt(u.reduce((total, value) => total + value * value, 0));
    sum += squaredDistance(projected(generated, u, length), projected(reference, u, length));
  }
  const metric = `sliced-wasserstein-2(directions=${directions})`;
  return {
    value: Math.sqrt(sum / directions),
    protocol: protocolOf(metric, generated, { reference: hashOfFeatures(reference), seed }),
  };
}

/** Positions of the samples along a direction, ascending. */
function projected({ values, count, width }: Features, u: Float64Array, length: number): Float64Array {
  const places = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let j = 0; j < width; j++) sum += values[i * width + j]! * u[j]!;
    places[i] = sum / length;
  }
  return places.sort();
}

/** The integral of `(F^-1(p) - G^-1(p))^2` over p in [0, 1], where both quantile functions are step functions. */
function squaredDistance(a: Float64Array, b: Float64Array): number {
  const [n, m] = [a.length, b.length];
  let [i, j, from, sum] = [0, 0, 0, 0];
  while (i < n && j < m) {
    // In units of 1 / (n m), so that the steps line up exactly.
    const to = Math.min((i + 1) * m, (j + 1) * n);
    sum += (to - from) * (a[i]! - b[j]!) ** 2;
    if (to === (i + 1) * m) i++;
    if (to === (j + 1) * n) j++;
    from = to;
  }
  return sum / (n * m);
}

import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import type { Features } from '../features.js';
import { requireComparable } from '../internal/checks.js';
import { meanSquaredDistance } from '../internal/projections.js';
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
  options: { readonly directions?: number; readonly seed?: number } = {},
): MetricResult {
  requireKnownOptions('slicedWasserstein', options, { directions: true, seed: true });
  const { directions = 128, seed = 0 } = options;
  requireWhole('slicedWasserstein.directions', directions);
  requireComparable('slicedWasserstein', generated, reference, 1);
  const squared = meanSquaredDistance(generated, reference, directions, { seed, purpose: 'sliced-wasserstein' });
  const metric = `sliced-wasserstein-2(directions=${directions})`;
  return {
    value: Math.sqrt(squared),
    protocol: protocolOf(metric, generated, { reference: hashOfFeatures(reference), seed }),
  };
}

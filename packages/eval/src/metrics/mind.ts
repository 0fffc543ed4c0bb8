import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import type { Features } from '../features.js';
import { requireComparable } from '../internal/checks.js';
import { meanSquaredDistance } from '../internal/projections.js';
import { hashOfFeatures, protocolOf, type MetricResult } from '../protocol.js';

/**
 * MIND, as torch-fidelity defines it: `3 d` times the mean, over random unit directions u, of the squared Wasserstein-2
 * distance between `u . x` and `u . y` of features of width d. Takes O(n log n) time, and the numbers of samples may
 * differ.
 *
 * @param options.directions number of directions, at least 1; 1000 unless given
 * @param options.seed seed of the directions; 0 unless given
 * @returns a squared distance, 0 for equal sets
 * @throws {TooFewSamplesError} if there are no samples
 * @throws {ProtocolError | FeatureError} for features that cannot be compared
 * @throws {ConfigError} for a number of directions that is not a whole number >= 1
 * @throws {RandomKeyError} for a seed out of range
 */
export function mind(
  generated: Features,
  reference: Features,
  options: { readonly directions?: number; readonly seed?: number } = {},
): MetricResult {
  requireKnownOptions('mind', options, { directions: true, seed: true });
  const { directions = 1000, seed = 0 } = options;
  requireWhole('mind.directions', directions);
  requireComparable('mind', generated, reference, 1);
  const squared = meanSquaredDistance(generated, reference, directions, { seed, purpose: 'mind' });
  return {
    value: 3 * generated.width * squared,
    protocol: protocolOf(`mind(directions=${directions})`, generated, { reference: hashOfFeatures(reference), seed }),
  };
}

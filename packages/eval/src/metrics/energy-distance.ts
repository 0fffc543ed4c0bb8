import type { Features } from '../features.js';
import { requireComparable } from '../internal/checks.js';
import { eachTile } from '../internal/distances.js';
import { hashOfFeatures, protocolOf, type MetricResult } from '../protocol.js';

/**
 * Energy distance (Székely and Rizzo, 2013): `2 E|X - Y| - E|X - X'| - E|Y - Y'|`, where expectations are means over
 * all pairs, including those of a sample with itself. Hence it is never negative, and 0 only for equal sets; for
 * samples of the same distribution it falls as 1 / N.
 *
 * @returns a value in the unit of the samples, not its square root, which sometimes goes by the same name
 * @throws {TooFewSamplesError} if there are no samples
 * @throws {ProtocolError | FeatureError} for samples that cannot be compared
 */
export function energyDistance(generated: Features, reference: Features): MetricResult {
  requireComparable('energyDistance', generated, reference, 1);
  const within = meanDistance(generated, generated) + meanDistance(reference, reference);
  const value = 2 * meanDistance(generated, reference) - within;
  return {
    value: Math.max(0, value),
    protocol: protocolOf('energy-distance', generated, { reference: hashOfFeatures(reference) }),
  };
}

function meanDistance(a: Features, b: Features): number {
  let sum = 0;
  eachTile(a, b, ({ squared }) => {
    for (let i = 0; i < squared.length; i++) sum += Math.sqrt(squared[i]!);
  });
  return sum / (a.count * b.count);
}

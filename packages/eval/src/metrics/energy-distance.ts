import type { Features } from '../features.js';
import { requireComparable } from '../internal/checks.js';
import { eachTile } from '../internal/distances.js';
import { hashOfFeatures, protocolOf, type MetricResult } from '../protocol.js';

/**
 * Energy distance (Székely and Rizzo, 2013): `2 E|X - Y| - E|X - X'| - E|Y - Y'|`, where expectations are means over all pairs, those
 * of a sample with itself included. So it is never negative, and 0 for equal sets alone; for samples of one distribution it falls with 1 / N.
 *
 * @returns a value in the unit of the samples: not its root, which some call by the same name
 * @throws {TooFewSamplesError} for no samples
 * @throws {ProtocolError | FeatureError} for samples that do not go together
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

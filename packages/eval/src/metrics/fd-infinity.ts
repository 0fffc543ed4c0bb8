import { hostTensor, requireKnownOptions, requireWhole } from '@flowmap/tensor';
import type { Features } from '../features.js';
import { requireCount } from '../internal/checks.js';
import { chooseIndices, rowsAt } from '../internal/draws.js';
import { meanOf } from '../internal/statistics.js';
import { featureMoments, type Moments } from '../moments.js';
import { protocolOf, type MetricResult } from '../protocol.js';
import {
  frechetDistance,
  frechetDistanceOfFeatures,
  frechetReference,
  type FrechetReference,
} from './frechet-distance.js';

/** Upper limit of the size of the smallest subset. */
const MOST_FIRST = 5000;

/** Number of samples copied at a time. */
const ROWS = 1024;

/**
 * Fréchet distance extrapolated to infinitely many generated samples (Chong and Forsyth, 2020; sizes as in dgm-eval):
 * distances at sizes n evenly spaced from `min(5000, max(2, N / 10))` to N, each for its own subset, and the intercept
 * of a line fitted to them over 1 / n. The bias due to few reference samples remains.
 *
 * @param generated all N generated samples
 * @param options.sizes number of sizes, at least 2; 15 unless given
 * @param options.seed seed of the subsets; 0 unless given
 * @throws {TooFewSamplesError} for fewer than 20 generated samples
 * @throws {ProtocolError | FeatureError} for features that cannot be compared
 * @throws {ConfigError} for a number of sizes that is not a whole number >= 2
 */
export function fdInfinity(
  generated: Features,
  reference: Moments | FrechetReference,
  options: { readonly sizes?: number; readonly seed?: number } = {},
): MetricResult {
  requireKnownOptions('fdInfinity', options, { sizes: true, seed: true });
  const { sizes = 15, seed = 0 } = options;
  requireWhole('fdInfinity.sizes', sizes, 2);
  requireCount('fdInfinity', generated.count, 20, 'generated');
  const { count } = generated;
  const prepared = 'root' in reference ? reference : frechetReference(reference);
  const first = Math.min(MOST_FIRST, Math.max(2, Math.floor(count / 10)));
  const points = Array.from({ length: sizes }, (_, step) => {
    const n = Math.floor(first + (step * (count - first)) / (sizes - 1));
    const indices = chooseIndices({ seed, purpose: 'fd-infinity', step }, count, n);
    return { x: 1 / n, y: distanceAt(generated, indices, prepared) };
  });
  return {
    value: intercept(points),
    protocol: protocolOf(`fd-infinity(sizes=${sizes})`, generated, { reference: prepared.hash, seed }),
  };
}

/** The distance of some samples, from the features themselves if they are few. */
function distanceAt({ values, width, source }: Features, indices: Int32Array, reference: FrechetReference): number {
  const count = indices.length;
  if (count >= width) return frechetDistance(momentsAt({ values, width, source }, indices), reference).value;
  const few = { values: rowsAt(values, width, indices), count, width, source };
  return frechetDistanceOfFeatures(few, reference).value;
}

/** Moments of some samples, copied in parts. */
function momentsAt({ values, width, source }: Omit<Features, 'count'>, indices: Int32Array): Moments {
  const moments = featureMoments(width, source);
  for (let first = 0; first < indices.length; first += ROWS) {
    const some = indices.subarray(first, first + ROWS);
    moments.add(hostTensor([some.length, width], rowsAt(values, width, some)));
  }
  return moments.moments();
}

/** The value at x = 0 of the least-squares line through the points. */
function intercept(points: readonly { readonly x: number; readonly y: number }[]): number {
  const [x, y] = [meanOf(points.map((point) => point.x)), meanOf(points.map((point) => point.y))];
  const along = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0);
  return y - (along / points.reduce((sum, point) => sum + (point.x - x) ** 2, 0)) * x;
}

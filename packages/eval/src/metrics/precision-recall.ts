import { requireKnownOptions, requireWhole, type Runtime } from '@flowmap/tensor';
import type { Features } from '../features.js';
import { requireComparable } from '../internal/checks.js';
import { eachTile, neighbourRadii } from '../internal/distances.js';
import { meanOfRows } from '../internal/statistics.js';
import { openScreening } from '../internal/screened-distances.js';
import { screenedRadii } from '../internal/screened-radii.js';
import { hashOfFeatures, protocolOf, quickHashOfFeatures, type MetricResult } from '../protocol.js';

/** Result of {@link precisionRecall}. */
export interface PrecisionRecall {
  readonly precision: MetricResult;
  readonly recall: MetricResult;
}

/**
 * Improved precision and recall (Kynkäänniemi et al., 2019). A set's manifold is the union of closed balls around its
 * samples, with the distance to the k-th nearest other sample as the radius. Precision is the share of generated
 * samples in the manifold of the reference: how real they are. Recall is the share of the reference in the manifold of
 * the generated samples: how much of it they cover. Swapping the arguments swaps the two. Both depend on the numbers of
 * samples.
 *
 * Distances are computed in tiles, so memory does not grow with their number.
 *
 * @param options.k neighbours, at least 1; 3 unless given
 * @throws {TooFewSamplesError} for k samples or fewer on either side
 * @throws {ProtocolError | FeatureError} for features that cannot be compared
 * @throws {ConfigError} for a k that is not a whole number >= 1
 */
export function precisionRecall(
  generated: Features,
  reference: Features,
  options: { readonly k?: number } = {},
): PrecisionRecall {
  requireKnownOptions('precisionRecall', options, { k: true });
  const { k = 3 } = options;
  requireWhole('precisionRecall.k', k);
  requireComparable('precisionRecall', generated, reference, k + 1);
  const radii = { generated: neighbourRadii(generated, k), reference: neighbourRadii(reference, k) };
  const isReal = new Uint8Array(generated.count);
  const isCovered = new Uint8Array(reference.count);
  eachTile(generated, reference, ({ first, rows, left, columns, squared }) => {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const distance = squared[i * columns + j]!;
        if (distance <= radii.reference[left + j]!) isReal[first + i] = 1;
        if (distance <= radii.generated[first + i]!) isCovered[left + j] = 1;
      }
    }
  });
  return resultOf(generated, hashOfFeatures(reference), k, isReal, isCovered);
}

/**
 * The same values with the help of a runtime, many times faster: products are computed there in float32, and the few
 * distances that are then too close to a radius to decide are computed again in float64. Memory does not grow with the
 * number of pairs.
 *
 * @param runtime one whose matrix products are computed in float32
 * @param options.k neighbours, at least 1; 3 unless given
 * @throws what {@link precisionRecall} and the runtime do
 */
export async function precisionRecallOnRuntime(
  runtime: Runtime,
  generated: Features,
  reference: Features,
  options: { readonly k?: number } = {},
): Promise<PrecisionRecall> {
  requireKnownOptions('precisionRecallOnRuntime', options, { k: true });
  const { k = 3 } = options;
  requireWhole('precisionRecallOnRuntime.k', k);
  requireComparable('precisionRecallOnRuntime', generated, reference, k + 1);
  const count = Math.max(generated.count, reference.count);
  const screening = await openScreening(runtime, meanOfRows(reference), count);
  try {
    const [a, b] = [screening.prepare(generated), screening.prepare(reference)];
    const [ofA, ofB] = [await screenedRadii(screening, a, k), await screenedRadii(screening, b, k)];
    const isReal = new Uint8Array(generated.count);
    const isCovered = new Uint8Array(reference.count);
    await screening.eachTile(a, b, ({ first, rows, left, columns, least, stride }) => {
      for (let i = first; i < first + rows; i++) {
        const radius = ofA[i]!;
        for (let j = left, at = (i - first) * stride; j < left + columns; j++, at++) {
          const low = least[at]!;
          const edge = ofB[j]!;
          if (low > radius && low > edge) continue;
          if (isReal[i] === 1 && isCovered[j] === 1) continue;
          const high = low + screening.slack(a, i, b, j);
          const isSure = (high <= edge || low > edge) && (high <= radius || low > radius);
          const distance = isSure ? high : screening.exact(a, i, b, j);
          if (distance <= edge) isReal[i] = 1;
          if (distance <= radius) isCovered[j] = 1;
        }
      }
    });
    return resultOf(generated, await quickHashOfFeatures(reference), k, isReal, isCovered);
  } finally {
    await screening.dispose();
  }
}

function resultOf(
  generated: Features,
  reference: string,
  k: number,
  isReal: Uint8Array,
  isCovered: Uint8Array,
): PrecisionRecall {
  const against = { reference };
  const share = (flags: Uint8Array): number => flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
  return {
    precision: { value: share(isReal), protocol: protocolOf(`precision(k=${k})`, generated, against) },
    recall: { value: share(isCovered), protocol: protocolOf(`recall(k=${k})`, generated, against) },
  };
}

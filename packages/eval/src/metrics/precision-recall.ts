import { requireWhole } from '@flowmap/tensor';
import type { Features } from '../features.js';
import { requireComparable } from '../internal/checks.js';
import { eachTile, neighbourRadii } from '../internal/distances.js';
import { hashOfFeatures, protocolOf, type MetricResult } from '../protocol.js';

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
  { k = 3 }: { readonly k?: number } = {},
): PrecisionRecall {
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
  const against = { reference: hashOfFeatures(reference) };
  const share = (flags: Uint8Array): number => flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
  return {
    precision: { value: share(isReal), protocol: protocolOf(`precision(k=${k})`, generated, against) },
    recall: { value: share(isCovered), protocol: protocolOf(`recall(k=${k})`, generated, against) },
  };
}

import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import type { Features } from '../features.js';
import { requireComparable } from '../internal/checks.js';
import { eachTile, neighbourRadii } from '../internal/distances.js';
import { hashOfFeatures, protocolOf, type MetricResult } from '../protocol.js';

/** Result of {@link densityCoverage}. */
export interface DensityCoverage {
  readonly density: MetricResult;
  readonly coverage: MetricResult;
}

/**
 * Density and coverage (Naeem et al., 2020). Around each reference sample is an open ball whose radius is the distance
 * to its k-th nearest other reference sample. Density is the mean number of balls that contain a generated sample,
 * divided by k: it may exceed 1, and outliers of the reference affect it little. Coverage is the share of balls that
 * contain a generated sample, in [0, 1].
 *
 * @param options.k neighbours, at least 1; 5 unless given
 * @throws {TooFewSamplesError} for k samples or fewer on either side
 * @throws {ProtocolError | FeatureError} for features that cannot be compared
 * @throws {ConfigError} for a k that is not a whole number >= 1
 */
export function densityCoverage(
  generated: Features,
  reference: Features,
  options: { readonly k?: number } = {},
): DensityCoverage {
  requireKnownOptions('densityCoverage', options, { k: true });
  const { k = 5 } = options;
  requireWhole('densityCoverage.k', k);
  requireComparable('densityCoverage', generated, reference, k + 1);
  const radii = neighbourRadii(reference, k);
  const isCovered = new Uint8Array(reference.count);
  let inside = 0;
  eachTile(generated, reference, ({ rows, left, columns, squared }) => {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        if (squared[i * columns + j]! >= radii[left + j]!) continue;
        inside++;
        isCovered[left + j] = 1;
      }
    }
  });
  const against = { reference: hashOfFeatures(reference) };
  const covered = isCovered.reduce((sum, flag) => sum + flag, 0);
  return {
    density: { value: inside / (k * generated.count), protocol: protocolOf(`density(k=${k})`, generated, against) },
    coverage: { value: covered / reference.count, protocol: protocolOf(`coverage(k=${k})`, generated, against) },
  };
}

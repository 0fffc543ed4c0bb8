import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import type { Features } from '../features.js';
import { requireComparable } from '../internal/checks.js';
import { chooseIndices, rowsAt } from '../internal/draws.js';
import { deviationOf, meanOf } from '../internal/statistics.js';
import { addProduct } from '../linear-algebra/products.js';
import { hashOfFeatures, protocolOf, type MetricResult } from '../protocol.js';

/** Options of {@link kernelDistance}, which determine its subsets. */
export interface KernelDistanceOptions {
  /** Number of subsets, at least 1; 100 unless given. */
  readonly subsets?: number;
  /** Samples of each side in a subset, at least 2; 1000 unless given. */
  readonly subsetSize?: number;
  /** Seed of the subsets; 0 unless given. */
  readonly seed?: number;
}

/**
 * Kernel distance (KID with Inception features; Binkowski et al., 2018): the squared maximum mean discrepancy with the
 * kernel `k(x, y) = (x . y / d + 1)^3`, estimated without bias as
 * `mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean k(x_i, y_j)` on subsets drawn without replacement. It
 * may be negative; unlike a Fréchet distance, its mean does not depend on the number of samples.
 *
 * @returns the mean over the subsets, and their standard deviation with the number of subsets as the denominator
 * @throws {TooFewSamplesError} for fewer samples than in a subset
 * @throws {ProtocolError | FeatureError} for features that cannot be compared
 * @throws {ConfigError} for counts out of their range
 * @throws {RandomKeyError} for a seed out of range
 */
export function kernelDistance(
  generated: Features,
  reference: Features,
  options: KernelDistanceOptions = {},
): MetricResult {
  requireKnownOptions('kernelDistance', options, { subsets: true, subsetSize: true, seed: true });
  const { subsets = 100, subsetSize = 1000, seed = 0 } = options;
  requireWhole('kernelDistance.subsets', subsets);
  requireWhole('kernelDistance.subsetSize', subsetSize, 2);
  requireComparable('kernelDistance', generated, reference, subsetSize);
  const subset = ({ values, width, count }: Features, purpose: string, step: number): Float64Array =>
    rowsAt(values, width, chooseIndices({ seed, purpose, step }, count, subsetSize));
  const distances = Array.from({ length: subsets }, (_, step) =>
    squaredDiscrepancy(
      subset(generated, 'kernel-distance.generated', step),
      subset(reference, 'kernel-distance.reference', step),
      subsetSize,
      generated.width,
    ),
  );
  const metric = `kernel-distance(subsets=${subsets},size=${subsetSize})`;
  return {
    value: meanOf(distances),
    std: deviationOf(distances),
    protocol: protocolOf(metric, generated, { reference: hashOfFeatures(reference), seed }),
  };
}

function squaredDiscrepancy(x: Float64Array, y: Float64Array, n: number, width: number): number {
  const products = new Float64Array(n * n);
  const kernel = (at: number): number => (products[at]! / width + 1) ** 3;
  const within = (rows: Float64Array): number => {
    products.fill(0);
    addProduct(products, rows, rows, [n, n, width], { lower: true });
    let sum = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) sum += kernel(i * n + j);
    return (2 * sum) / (n * (n - 1));
  };
  const [first, second] = [within(x), within(y)];
  products.fill(0);
  addProduct(products, x, y, [n, n, width]);
  let between = 0;
  for (let at = 0; at < n * n; at++) between += kernel(at);
  return first + second - (2 * between) / (n * n);
}

import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import { FeatureError } from '../errors.js';
import type { Features } from '../features.js';
import { requireCount } from '../internal/checks.js';
import { doubles } from '../internal/doubles.js';
import { deviationOf, meanOf } from '../internal/statistics.js';
import { protocolOf, type MetricResult } from '../protocol.js';

/**
 * How far the sum of a sample's probabilities may be from 1: float32 softmax over a thousand classes is closer.
 */
const TOLERANCE = 1e-3;

/**
 * Inception score of class probabilities (Salimans et al., 2016): `exp(mean_i KL(p(y | x_i) || p(y)))`, where `p(y)` is
 * the mean over a split. It ranges from 1 to the number of classes and uses no reference. The score in papers is that
 * of the Inception network of 2015 without the bias of its last layer.
 *
 * @param probabilities `[count, classes]` in the order in which they are split
 * @param options.splits number of equal parts, at least 1; 10 unless given. If the samples do not divide evenly, the
 *   last parts are larger
 * @returns the mean over the splits, and their standard deviation with the number of splits as the denominator
 * @throws {FeatureError} for a sample whose numbers are not probabilities
 * @throws {TooFewSamplesError} for fewer samples than splits
 * @throws {ConfigError} for an invalid number of splits
 */
export function inceptionScore(probabilities: Features, options: { readonly splits?: number } = {}): MetricResult {
  requireKnownOptions('inceptionScore', options, { splits: true });
  const { splits = 10 } = options;
  requireWhole('inceptionScore.splits', splits);
  const { count, width } = probabilities;
  const values = doubles(probabilities.values);
  requireCount('inceptionScore', count, splits);
  for (let i = 0; i < count; i++) {
    const row = values.subarray(i * width, (i + 1) * width);
    const sum = row.reduce((total, value) => total + value, 0);
    if (Math.abs(sum - 1) > TOLERANCE || row.some((value) => value < 0)) {
      const message = `sample ${i} has no probabilities: wanted numbers >= 0 of sum 1, got the sum ${sum}; take the softmax of logits`;
      throw new FeatureError('inceptionScore', message, i);
    }
  }
  const scores = Array.from({ length: splits }, (_, split) => {
    const [first, last] = [Math.floor((split * count) / splits), Math.floor(((split + 1) * count) / splits)];
    return Math.exp(meanDivergence(values.subarray(first * width, last * width), width));
  });
  return {
    value: meanOf(scores),
    std: deviationOf(scores),
    protocol: protocolOf(`inception-score(splits=${splits})`, probabilities),
  };
}

function meanDivergence(values: Float64Array, width: number): number {
  const count = values.length / width;
  const marginal = new Float64Array(width);
  for (let i = 0; i < values.length; i++) marginal[i % width]! += values[i]! / count;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const p = values[i]!;
    if (p > 0) sum += p * Math.log(p / marginal[i % width]!);
  }
  return sum / count;
}

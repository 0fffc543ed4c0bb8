import { select, type Tensor } from '@flowmap/tensor';
import { sampleNorm } from './norms.js';

/**
 * Factors on r that hold back samples whose derivative spikes: `min(1, k m / n_i)` with `n_i = || dF/dt ||` of a sample and
 * `m = (mean_j sqrt(n_j))^2`, what is typical in the batch. A single outlier hardly moves m: one of size L among n samples adds `L / n^2`.
 * Samples that are not finite do not count. Nothing is remembered from step to step, so a resumed run is the same.
 *
 * @param dFdt `[batch, ...shape]`, without a gradient
 * @param k limit, >= 1
 * @returns `[batch, 1, ...]`
 */
export function spikeFactors(dFdt: Tensor, k: number): Tensor {
  const n = sampleNorm(dFdt);
  const isFinite = n.less(Infinity);
  const roots = select(isFinite, n, 0).sqrt().sum();
  const count = isFinite.cast('float32').sum().maximum(1);
  const limit = roots.div(count).square().mul(k);
  return select(n.greater(limit), limit.div(n), 1);
}

/** Number of the samples that {@link spikeFactors} holds back, a scalar. */
export function spikeCount(factors: Tensor): Tensor {
  return factors.less(1).cast('float32').sum();
}

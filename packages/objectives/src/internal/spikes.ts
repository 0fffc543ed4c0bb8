import { select, type Tensor } from '@flowmap/tensor';
import { sampleNorm } from './norms.js';

/**
 * Factors on r that hold back samples whose derivative spikes: `min(1, k m / n_i)`, where `n_i = || dF/dt ||` of sample i
 * and `m = (mean_j sqrt(n_j))^2` is typical of the batch. One outlier hardly moves m: in a batch of B samples, an outlier
 * of norm L alone makes it `L / B^2`. Samples that are not finite do not count. Nothing is remembered between steps, so a
 * resumed run takes the same steps.
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

/** Number of samples that {@link spikeFactors} holds back, a scalar. */
export function spikeCount(factors: Tensor): Tensor {
  return factors.less(1).cast('float32').sum();
}

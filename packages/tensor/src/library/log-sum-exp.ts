import { select, stopGradient } from './functions.js';
import { inFloat32 } from './in-float32.js';
import { requireFloats } from '../graph/infer.js';
import type { Tensor } from '../graph/tensor.js';

/**
 * `log sum_j exp(x_j)` over the given axes, by default all. It does not overflow: it is minus infinity only if all
 * elements are, and infinity only if one is. Its derivative is the softmax, which is NaN in these two cases.
 */
export function logSumExp(x: Tensor, axes?: readonly number[], keepDims = false): Tensor {
  requireFloats('logSumExp', [x]);
  return inFloat32(x, (x) => {
    // Shifting by the largest element keeps exponentials in [0, 1]; the shift cancels, so it needs no derivative.
    const largest = stopGradient(x.max(axes, true));
    const shift = select(largest.abs().less(Infinity), largest, 0);
    const sum = x.sub(shift).exp().sum(axes, true).log().add(shift);
    return keepDims ? sum : sum.sum(axes);
  });
}

/**
 * `x_i - log sum_j exp(x_j)` along the last axis: the logarithm of softmax without its underflow. The value at the
 * largest element is accurate to a rounding error of 1; derivatives keep all digits there too, even where the softmax
 * is almost 1. A row whose largest element is plus or minus infinity is NaN, as its softmax is.
 */
export function logSoftmax(x: Tensor): Tensor {
  requireFloats('logSoftmax', [x]);
  return inFloat32(x, (x) => {
    // The shift cancels, but is differentiated, so that derivatives at the largest element are sums over the other
    // elements only.
    const shifted = x.sub(x.max([-1], true));
    return shifted.sub(shifted.exp().sum([-1], true).log());
  });
}

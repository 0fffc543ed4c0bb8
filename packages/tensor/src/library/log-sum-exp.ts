import { select, stopGradient } from './functions.js';
import { inFloat32 } from './in-float32.js';
import { requireFloats } from '../graph/infer.js';
import type { Tensor } from '../graph/tensor.js';

/**
 * `log sum_j exp(x_j)` over the given axes, all unless given; finite wherever the result is, minus infinity where all elements are
 * that, and infinity where one is. Its derivative is the softmax, NaN where all elements or one of them are such.
 */
export function logSumExp(x: Tensor, axes?: readonly number[], keepDims = false): Tensor {
  requireFloats('logSumExp', [x]);
  return inFloat32(x, (x) => {
    // A shift by the largest element keeps exponentials in [0, 1] and cancels, so it needs no derivative.
    const largest = stopGradient(x.max(axes, true));
    const shift = select(largest.abs().less(Infinity), largest, 0);
    const sum = x.sub(shift).exp().sum(axes, true).log().add(shift);
    return keepDims ? sum : sum.sum(axes);
  });
}

/**
 * `x_i - log sum_j exp(x_j)` along the last axis: the logarithm of softmax without its underflow. The value at the largest element
 * is exact to a rounding of 1; derivatives have all their digits there too, where the softmax is 1 but for very little. A row
 * whose largest element is infinite or minus infinity is NaN, as its softmax is.
 */
export function logSoftmax(x: Tensor): Tensor {
  requireFloats('logSoftmax', [x]);
  return inFloat32(x, (x) => {
    // The shift cancels, but is differentiated: so derivatives at the largest element are sums over the others only.
    const shifted = x.sub(x.max([-1], true));
    return shifted.sub(shifted.exp().sum([-1], true).log());
  });
}

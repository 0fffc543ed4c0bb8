import { stopGradient } from './functions.js';
import type { Tensor } from './tensor.js';

/** `log sum_j exp(x_j)` over the given axes, all unless given; finite wherever the result is. */
export function logSumExp(x: Tensor, axes?: readonly number[], keepDims = false): Tensor {
  // The shift by the largest element keeps every exponential in [0, 1]; it cancels, so it needs no derivative.
  const largest = stopGradient(x.max(axes, true));
  const sum = x.sub(largest).exp().sum(axes, true).log().add(largest);
  return keepDims ? sum : sum.sum(axes);
}

/** `x_i - log sum_j exp(x_j)` along the last axis: the logarithm of softmax without its underflow. */
export function logSoftmax(x: Tensor): Tensor {
  return x.sub(logSumExp(x, [-1], true));
}

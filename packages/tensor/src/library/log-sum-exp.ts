import { stopGradient } from './functions.js';
import { inFloat32 } from './in-float32.js';
import type { Tensor } from '../graph/tensor.js';

/** Largest element over the given axes: a shift by it keeps exponentials in [0, 1] and cancels, so it needs no derivative. */
function shiftOf(x: Tensor, axes: readonly number[] | undefined): Tensor {
  return stopGradient(x.max(axes, true));
}

/** `log sum_j exp(x_j)` over the given axes, all unless given; finite wherever the result is. */
export function logSumExp(x: Tensor, axes?: readonly number[], keepDims = false): Tensor {
  return inFloat32(x, (x) => {
    const shift = shiftOf(x, axes);
    const sum = x.sub(shift).exp().sum(axes, true).log().add(shift);
    return keepDims ? sum : sum.sum(axes);
  });
}

/** `x_i - log sum_j exp(x_j)` along the last axis: the logarithm of softmax without its underflow. */
export function logSoftmax(x: Tensor): Tensor {
  return inFloat32(x, (x) => {
    const shifted = x.sub(shiftOf(x, [-1]));
    return shifted.sub(shifted.exp().sum([-1], true).log());
  });
}

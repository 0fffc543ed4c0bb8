import { isHalf } from '../graph/dtype.js';
import { inFloat32 } from '../library/in-float32.js';
import { full, type Tensor } from '../graph/tensor.js';
import type { UnaryPrimitive } from '../graph/primitives.js';

/**
 * Derivative of `y = f(x)` for every element-wise function, in terms of `x` and `y`; null where it is zero almost
 * everywhere.
 */
export const unaryDerivatives: {
  readonly [P in UnaryPrimitive]: ((x: Tensor, y: Tensor) => Tensor) | null;
} = {
  neg: (x) => full(-1, [], x.dtype),
  exp: (_, y) => y,
  log: (x) => full(1, [], x.dtype).div(x),
  sqrt: (_, y) => full(0.5, [], y.dtype).div(y),
  square: (x) => x.mul(2),
  sin: (x) => x.cos(),
  cos: (x) => x.sin().neg(),
  // 1 - tanh(x)^2 = 4 sigmoid(2 x) sigmoid(-2 x), which keeps its digits where tanh(x) rounds to 1.
  tanh: (x) => {
    const twice = x.mul(2);
    return twice.sigmoid().mul(twice.neg().sigmoid()).mul(4);
  },
  sigmoid: (x, y) => y.mul(x.neg().sigmoid()),
  // With sigmoid(-x) in place of 1 - sigmoid(x) nothing cancels, even in second derivatives.
  silu: (x, y) => x.sigmoid().add(y.mul(x.neg().sigmoid())),
  softplus: (x) => x.sigmoid(),
  erf: (x) => gaussian(x, 2 / Math.sqrt(Math.PI)),
  erfc: (x) => gaussian(x, -2 / Math.sqrt(Math.PI)),
  abs: (x) => x.sign(),
  sign: null,
};

/** `scale exp(-x^2)`; if the square were rounded to a half, its exponential would lose digits. */
function gaussian(x: Tensor, scale: number): Tensor {
  return inFloat32(x, (x) => x.square().neg().exp().mul(scale));
}

/**
 * 1 where `a` is the larger, 1/2 where both are equal, else 0: the derivative of `maximum(a, b)` with respect to `a`.
 */
export function largerMask(a: Tensor, b: Tensor): Tensor {
  return b.less(a).cast(a.dtype).add(a.equal(b).cast(a.dtype).mul(0.5));
}

/**
 * Each maximal element's share of the derivative of `reduceMax`: 1 / (number of maximal elements), zero elsewhere.
 * Counted in float32, since float16 ends at 65504.
 */
export function maximalShare(x: Tensor, axes: readonly number[]): Tensor {
  const mask = x.equal(x.max(axes, true).broadcastTo(x.shape)).cast('float32');
  return mask.div(mask.sum(axes, true)).cast(x.dtype);
}

/**
 * `y (v - sum_j y_j v_j)`, the product of a vector with the derivative of `y = softmax(x)`, which is symmetric. For
 * halves it is computed in float32 from `x`: rounded to a half, `y` does not sum to 1, and a constant added to `v`
 * would not cancel.
 */
export function softmaxDerivative(x: Tensor, y: Tensor, v: Tensor): Tensor {
  if (isHalf(x.dtype)) {
    const wide = x.cast('float32');
    return softmaxDerivative(wide, wide.softmax(), v.cast('float32')).cast(x.dtype);
  }
  return y.mul(v.sub(y.mul(v).sum([-1], true)));
}

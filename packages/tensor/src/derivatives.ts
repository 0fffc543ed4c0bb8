import { splat, type Tensor } from './tensor.js';
import type { UnaryPrimitive } from './primitives.js';

/** Derivative of `y = f(x)` for every element-wise function, in terms of `x` and `y`; null where it is zero almost everywhere. */
export const unaryDerivatives: {
  readonly [P in UnaryPrimitive]: ((x: Tensor, y: Tensor) => Tensor) | null;
} = {
  neg: (x) => splat(-1, [], x.dtype),
  exp: (_, y) => y,
  log: (x) => splat(1, [], x.dtype).div(x),
  sqrt: (_, y) => splat(0.5, [], y.dtype).div(y),
  square: (x) => x.mul(2),
  sin: (x) => x.cos(),
  cos: (x) => x.sin().neg(),
  tanh: (_, y) => splat(1, [], y.dtype).sub(y.square()),
  sigmoid: (_, y) => y.sub(y.square()),
  silu: (x, y) => {
    const sigmoid = x.sigmoid();
    return sigmoid.add(y).sub(y.mul(sigmoid));
  },
  softplus: (x) => x.sigmoid(),
  erf: (x) =>
    x
      .square()
      .neg()
      .exp()
      .mul(2 / Math.sqrt(Math.PI)),
  abs: (x) => x.sign(),
  sign: null,
};

/** 1 where `a` is the larger, 1/2 where both are equal, else 0: the derivative of `maximum(a, b)` in `a`. */
export function largerMask(a: Tensor, b: Tensor): Tensor {
  return b.less(a).cast(a.dtype).add(a.equal(b).cast(a.dtype).mul(0.5));
}

/** Each maximal element's share of the derivative of `reduceMax`: 1 / (number of maximal elements), zero elsewhere. */
export function maximalShare(x: Tensor, axes: readonly number[]): Tensor {
  const mask = x.equal(x.max(axes, true).broadcastTo(x.shape)).cast(x.dtype);
  return mask.div(mask.sum(axes, true));
}

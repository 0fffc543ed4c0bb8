import { isHalf } from '../graph/dtype.js';
import type { Tensor } from '../graph/tensor.js';

/**
 * `f(x)`; for a half it is computed in float32 and rounded once, since sums of squares and exponentials exceed its
 * range.
 */
export function inFloat32(x: Tensor, f: (x: Tensor) => Tensor): Tensor {
  return isHalf(x.dtype) ? f(x.cast('float32')).cast(x.dtype) : f(x);
}

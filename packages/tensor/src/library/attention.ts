import { requireFloats } from '../graph/infer.js';
import { bind, type Tensor } from '../graph/tensor.js';

/**
 * Scaled dot-product attention `softmax(Q K^T / sqrt(d)) V` (Vaswani et al. 2017, equation 1).
 *
 * @param query `[..., tokens, d]`
 * @param key `[..., keys, d]`
 * @param value `[..., keys, dv]`
 * @returns `[..., tokens, dv]`
 * @throws {ShapeError} when the leading axes, `d` or the number of keys differ
 * @throws {DTypeError} unless all are floats of one dtype
 */
export function attention(query: Tensor, key: Tensor, value: Tensor): Tensor {
  requireFloats('attention', [query, key, value]);
  const d = query.shape.at(-1) ?? 1;
  const scores = bind('matmul', [query.mul(1 / Math.sqrt(d)), key], { transposeA: false, transposeB: true });
  return scores.softmax().matmul(value);
}

import type { Tensor } from '@flowmap/tensor';

/** `|| x_i ||`, L2 over everything but the batch axis: `[batch, ...]` gives `[batch, 1, ...]`. */
export function sampleNorm(x: Tensor): Tensor {
  return sampleSquares(x).sqrt();
}

/** `|| x_i ||^2` over everything but the batch axis: `[batch, ...]` gives `[batch, 1, ...]`. */
export function sampleSquares(x: Tensor): Tensor {
  return x.square().sum(sampleAxes(x), true);
}

/** Mean of the squares over everything but the batch axis: `[batch, ...]` gives `[batch, 1, ...]`. */
export function sampleMeanSquares(x: Tensor): Tensor {
  return sampleSquares(x).mul(1 / sampleSize(x));
}

/** Mean of the samples' L2 norms over the batch, a scalar. */
export function meanNorm(x: Tensor): Tensor {
  return sampleNorm(x).mean();
}

/** `|| a - b ||^2`, summed over a sample's values and averaged over the batch, a scalar. */
export function squaredError(a: Tensor, b: Tensor): Tensor {
  return meanSquare(a.sub(b));
}

/**
 * `w || x ||^2`, summed over a sample's values and averaged over the batch, a scalar.
 *
 * @param w `[batch, 1, ...]`; 1 unless given
 */
export function meanSquare(x: Tensor, w?: Tensor): Tensor {
  const squares = x.square();
  return (w ? squares.mul(w) : squares).sum().mul(1 / x.shape[0]!);
}

/** Number of values of one sample of `[batch, ...]`. */
export function sampleSize(x: Tensor): number {
  return x.size / x.shape[0]!;
}

function sampleAxes(x: Tensor): number[] {
  return x.shape.map((_, axis) => axis).slice(1);
}

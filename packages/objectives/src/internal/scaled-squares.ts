import { perSample, type ObjectiveResult } from '@flowmap/core';
import { full, stopGradient, type Tensor } from '@flowmap/tensor';
import { meanNorm, meanSquare, sampleSquares } from './norms.js';

/** How {@link scaledSquares} weighs a sample. */
export interface SquaresOptions {
  /** k, a number, a scalar or `[batch]`; 1 unless given. */
  readonly scale?: number | Tensor;
  /** w, `[batch]`; 1 unless given. */
  readonly weights?: Tensor | undefined;
  /** The adaptive weight; none unless given. */
  readonly adaptive?: AdaptiveWeight | undefined;
  /** The velocity at the start, whose distance from F is then the metric `velocityError`. */
  readonly v?: Tensor | undefined;
}

/** The weight `1 / (‖g‖² + c)^power` of a sample with the error g. */
export interface AdaptiveWeight {
  /** At least 0; 0 = no adaptive weight, 1/2 nearly the norm of g in place of its square. */
  readonly power: number;
  /** > 0 */
  readonly c: number;
}

/**
 * The loss `w k ‖F - target‖²` of a sample, summed over its values and averaged over the batch, whose gradient is that of
 * `2 w <F, g>` with `g = k (F - target)`. With an adaptive weight it is divided by `(‖g‖² + c)^power`, through which no
 * gradient flows.
 *
 * Metric: `tangentNorm`, the mean of `‖g‖`.
 */
export function scaledSquares(
  F: Tensor,
  target: Tensor,
  { scale = 1, weights, adaptive, v }: SquaresOptions,
): ObjectiveResult {
  const error = F.sub(target);
  const k = typeof scale === 'number' ? full(scale) : scale.rank === 0 ? scale : perSample(scale, F);
  const g = stopGradient(error.mul(k));
  const factors = [
    scale === 1 ? undefined : k,
    weights && perSample(weights, F),
    adaptive && adaptive.power !== 0 ? adaptiveWeights(g, adaptive) : undefined,
  ].filter((factor) => factor !== undefined);
  const weight = factors.length === 0 ? undefined : factors.reduce((a, b) => a.mul(b));
  return {
    loss: meanSquare(error, weight),
    metrics: {
      tangentNorm: meanNorm(g),
      ...(v === undefined ? {} : { velocityError: meanNorm(F.sub(v)) }),
    },
  };
}

/** `(‖g‖² + c)^-power`, `[batch, 1, …]`. */
function adaptiveWeights(g: Tensor, { power, c }: AdaptiveWeight): Tensor {
  const squares = sampleSquares(g).add(c);
  return power === 1 ? full(1).div(squares) : squares.log().mul(-power).exp();
}

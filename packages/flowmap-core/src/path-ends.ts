import type { Tensor } from '@flowmap/tensor';
import { ratesOf, type Path } from './path.js';

/** Means of data and noise given a point of a path. */
export interface PathEnds {
  readonly x0: Tensor;
  readonly z: Tensor;
}

/**
 * The means of data and noise that a velocity says: the solution of `x = alpha x_0 + sigma z` and
 * `v = alpha' x_0 + sigma' z`, at all times. On the linear path, `x_0 = x - t v` and `z = x + (1 - t) v`.
 *
 * @param x points
 * @param velocity shaped as the points
 * @param t times, shaped to combine with the points
 */
export function pathEnds(path: Path, x: Tensor, velocity: Tensor, t: Tensor): PathEnds {
  const [at, rates] = [path.at(t), ratesOf(path, t)];
  const determinant = at.alpha.mul(rates.sigma).sub(at.sigma.mul(rates.alpha));
  return {
    x0: rates.sigma.mul(x).sub(at.sigma.mul(velocity)).div(determinant),
    z: at.alpha.mul(velocity).sub(rates.alpha.mul(x)).div(determinant),
  };
}

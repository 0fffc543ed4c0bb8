import { perSample, type FlowMap, type ObjectiveContext } from '@flowmap/core';
import { full, stopGradient, type Tensor } from '@flowmap/tensor';
import { stepVelocity, type Solver } from './solver.js';

type Interval = Pick<ObjectiveContext, 'xt' | 't' | 's'>;

// Both compare f = x_t + (s - t) F with another route to the time s, which arrives at x_t + (s - t) target. F is
// compared with the target itself, so nothing is divided by s - t.

/**
 * The mean velocity of a route that follows the velocity v for a share ε of the interval, and then the map: from `x' =
 * x_t + ε (s - t) v` at `t' = t + ε (s - t)` to `f(x', t', s) = x' + (1 - ε) (s - t) F(x', t', s)`, which together is
 * `ε v + (1 - ε) F(x', t', s)`.
 *
 * @param map the student, or its moving average
 * @param v shaped as `xt`
 * @param share ε, `[batch]`
 * @returns shaped as `xt`, without a gradient
 */
export function firstVelocityThenMap(map: FlowMap, { xt, t, s }: Interval, v: Tensor, share: Tensor): Tensor {
  const moved = share.mul(s.sub(t));
  const x = xt.add(perSample(moved, xt).mul(v));
  const F = map.averageVelocity(x, t.add(moved), s);
  return stopGradient(mixed(share, v, F));
}

/**
 * The mean velocity of a route that follows the map for all of the interval but a share ε at its end, and then takes a
 * step of a solver from the point reached: from `y = f(x_t, t, s')` at `s' = s + ε (t - s)` to `y + ε (s - t) v`, which
 * together is `ε v + (1 - ε) F(x_t, t, s')`, where v is the step's mean velocity, `v(y, s')` for Euler's method.
 *
 * @returns shaped as `xt`, without a gradient
 */
export function firstMapThenVelocity(
  map: FlowMap,
  { xt, t, s }: Interval,
  { velocity, solver }: { readonly velocity: ObjectiveContext['velocity']; readonly solver: Solver },
  share: Tensor,
): Tensor {
  const early = s.add(share.mul(t.sub(s)));
  const F = stopGradient(map.averageVelocity(xt, t, early));
  const y = xt.add(perSample(early.sub(t), xt).mul(F));
  return mixed(share, stepVelocity(solver, velocity, y, early, s), F);
}

/** `ε a + (1 - ε) b` */
function mixed(share: Tensor, a: Tensor, b: Tensor): Tensor {
  const rest = full(1).sub(share);
  return perSample(share, a).mul(a).add(perSample(rest, b).mul(b));
}

import type { ObjectiveContext } from '@flowmap/core';
import { full, jvp, type Tensor } from '@flowmap/tensor';

type Interval = Pick<ObjectiveContext, 'student' | 'xt' | 't' | 's'>;

/**
 * F and its total derivative while the start of the interval moves with the velocity v and the target stays,
 * `dF/dt = (∂F/∂x) v + ∂F/∂t`: one forward-mode pass at (x_t, t, s) in the direction (v, 1, 0).
 *
 * @param v shaped as `xt`
 * @returns both with their gradients
 */
export function alongTrajectory({ student, xt, t, s }: Interval, v: Tensor): [F: Tensor, dFdt: Tensor] {
  return jvp((x, time) => student.averageVelocity(x, time, s), [xt, t], [v, full(1, t.shape)]);
}

/**
 * F and its derivative with respect to the target time, `∂F/∂s`: one forward-mode pass in the direction (0,
 * 0, 1), with gradients.
 */
export function alongTarget({ student, xt, t, s }: Interval): [F: Tensor, dFds: Tensor] {
  return jvp((end) => student.averageVelocity(xt, t, end), [s], [full(1, s.shape)]);
}

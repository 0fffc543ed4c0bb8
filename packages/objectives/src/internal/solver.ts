import { perSample, type ObjectiveContext } from '@flowmap/core';
import type { Tensor } from '@flowmap/tensor';

/** Solvers of a teacher's ODE: of order 1 with one evaluation of the teacher per step, of order 2 with two. */
export const SOLVERS = ['euler', 'heun'] as const;
export type Solver = (typeof SOLVERS)[number];

/**
 * The mean velocity of one step of a solver: the step leads from x to x plus `to - t` times this
 * velocity.
 *
 * @param x points at the times `t`
 * @param t `[batch]`
 * @param to `[batch]`
 */
export function stepVelocity(
  solver: Solver,
  velocity: ObjectiveContext['velocity'],
  x: Tensor,
  t: Tensor,
  to: Tensor,
): Tensor {
  const first = velocity(x, t);
  if (solver === 'euler') return first;
  const end = x.add(perSample(to.sub(t), x).mul(first));
  return first.add(velocity(end, to)).mul(0.5);
}

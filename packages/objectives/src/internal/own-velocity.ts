import { perSample, type FlowMap, type ObjectiveContext } from '@flowmap/core';
import { select, stopGradient, type Tensor } from '@flowmap/tensor';

/** The velocity that a flow map has at a point, F(x, t, t), without a gradient. */
export function ownVelocity(map: FlowMap, x: Tensor, t: Tensor): Tensor {
  return stopGradient(map.averageVelocity(x, t, t));
}

/**
 * Targets of self-distillation: for samples at s = t the velocity of the teacher or of the data, which makes their loss
 * flow matching, and for all others the student's own prediction.
 *
 * @param own shaped as `xt`
 */
export function matchedOnDiagonal({ xt, t, s, velocity }: ObjectiveContext, own: Tensor): Tensor {
  const still = perSample(t.equal(s), xt).broadcastTo(xt.shape);
  return select(still, velocity(xt, t), stopGradient(own));
}

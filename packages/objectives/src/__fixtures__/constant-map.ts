import { perSample, type FlowMap } from '@flowmap/core';
import { full } from '@flowmap/tensor';

/** A flow map whose average velocity has the same values everywhere. */
export function constantMap(F: number): FlowMap {
  const map: FlowMap = {
    averageVelocity: (x) => full(F, x.shape),
    map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(F)),
    under: () => map,
  };
  return map;
}

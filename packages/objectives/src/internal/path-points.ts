import { conditionalVelocity, interpolate, type ObjectiveContext } from '@flowmap/core';
import type { Tensor } from '@flowmap/tensor';

/** A point on each sample's path, and its velocity. */
export interface PathPoint {
  readonly x: Tensor;
  readonly v: Tensor;
}

/**
 * Each sample's point at another time, from the same data and noise, with the teacher's velocity there, or without a
 * teacher the path's velocity given both ends.
 *
 * @param time `[batch]`
 * @param teacher whether there is a teacher
 */
export function pathPoint(
  { x0, noise, path, velocity }: Pick<ObjectiveContext, 'x0' | 'noise' | 'path' | 'velocity'>,
  time: Tensor,
  teacher: boolean,
): PathPoint {
  const x = interpolate(x0, noise, time, path);
  return { x, v: teacher ? velocity(x, time) : conditionalVelocity(x0, noise, time, path) };
}

import { perSample } from '../path.js';
import type { Sampler } from './sampler.js';

/**
 * Euler's method for the ODE `dx/dt = v(x, t)`: `x <- x + (s - t) v(x, t)`, of order 1, one evaluation per step. A flow
 * map's network is used at s = t, where it is a velocity.
 */
export function euler(): Sampler {
  return {
    name: 'euler',
    config: {},
    needs: { interval: false },
    step: (field, x, t, s) => x.add(perSample(s.sub(t), x).mul(field.averageVelocity(x, t, t))),
  };
}

import { perSample } from '../path.js';
import type { Sampler } from './sampler.js';

/**
 * Heun's method (the explicit trapezoidal rule) for the ODE `dx/dt = v(x, t)`: an Euler step, then the step again with
 * the mean of the velocities at both ends; of order 2, two evaluations per step. A flow map's network is used at s = t,
 * where it is a velocity.
 */
export function heun(): Sampler {
  return {
    name: 'heun',
    config: {},
    needs: { interval: false },
    step(field, x, t, s) {
      const step = perSample(s.sub(t), x);
      const start = field.averageVelocity(x, t, t);
      const end = field.averageVelocity(x.add(step.mul(start)), s, s);
      return x.add(step.mul(start.add(end).mul(0.5)));
    },
  };
}

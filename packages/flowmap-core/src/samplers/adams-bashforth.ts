import { select } from '@flowmap/tensor';
import { perSample } from '../path.js';
import type { Sampler } from './sampler.js';

/**
 * The two-step Adams–Bashforth method for the ODE `dx/dt = v(x, t)`: the velocity of a step is extrapolated from those
 * at its start and at the start of the step before, `x <- x + h ((1 + q) v - q v_before)` with `h = s - t` and
 * `q = h / (2 h_before)`, on grids of any spacing. It is of order 2 with one evaluation per step; the first step is
 * Euler's. A flow map's network is used at s = t, where it is a velocity.
 */
export function adamsBashforth(): Sampler {
  return {
    name: 'adams-bashforth',
    config: {},
    needs: { interval: false },
    carry: (shape) => ({
      velocity: { shape, dtype: 'float32' },
      length: { shape: shape.slice(0, 1), dtype: 'float32' },
    }),
    step(field, x, t, s, { carry }) {
      const length = s.sub(t);
      const before = carry['length']!;
      const first = before.equal(0);
      const ratio = select(first, 0, length.div(select(first, 1, before)).mul(0.5));
      const velocity = field.averageVelocity(x, t, t);
      const change = velocity.sub(carry['velocity']!);
      const extrapolated = velocity.add(perSample(ratio, x).mul(change));
      // The next step cannot extrapolate from a step of length 0, so what is carried is kept.
      const still = length.equal(0);
      return {
        x: x.add(perSample(length, x).mul(extrapolated)),
        carry: {
          velocity: select(perSample(still, x).broadcastTo(x.shape), carry['velocity']!, velocity),
          length: select(still, before, length),
        },
      };
    },
  };
}

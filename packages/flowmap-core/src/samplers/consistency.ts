import { full, select } from '@flowmap/tensor';
import { interpolate, perSample } from '../path.js';
import type { Sampler } from './sampler.js';

/**
 * The multistep sampler of consistency models (Song et al.): each step goes to the data with the flow map,
 * `f(x, t, 0)`, and back to time `s` with new noise, `x <- alpha(s) f(x, t, 0) + sigma(s) z`. One evaluation per step.
 */
export function consistency(): Sampler {
  return {
    name: 'consistency',
    config: {},
    needs: { interval: true },
    draws: 'normal',
    step(field, x, t, s, { noise, path }) {
      const data = field.map(x, t, full(0, t.shape));
      return select(perSample(s.equal(t), x).broadcastTo(x.shape), x, interpolate(data, noise!, s, path));
    },
  };
}

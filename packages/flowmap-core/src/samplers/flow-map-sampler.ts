import type { Sampler } from './sampler.js';

/**
 * A flow map's sampler: `x <- f(x, t, s)` for each step of the grid (AYF, "Align Your Flow"). An exact flow map gives the same
 * point on any grid between the same ends. One evaluation a step.
 */
export function flowMapSampler(): Sampler {
  return {
    name: 'flow-map',
    config: {},
    needs: { interval: true },
    step: (field, x, t, s) => field.map(x, t, s),
  };
}

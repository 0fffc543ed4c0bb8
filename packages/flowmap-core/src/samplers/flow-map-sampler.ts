import type { Sampler } from './sampler.js';

/**
 * Samples with a flow map: `x <- f(x, t, s)` for each step of the grid (AYF, "Align Your Flow"). An exact flow map
 * gives the same point on any grid between the same endpoints. One evaluation per step.
 */
export function flowMapSampler(): Sampler {
  return {
    name: 'flow-map',
    config: {},
    needs: { interval: true },
    step: (field, x, t, s) => field.map(x, t, s),
  };
}

import { full, type Shape, type Tensor, type Tensors } from '@flowmap/tensor';
import type { CarriedStep, Sampler } from './sampler.js';

/** A step's result, of a sampler that carries something and of others. */
export function carriedStep(result: Tensor | CarriedStep): CarriedStep {
  return 'carry' in result ? result : { x: result, carry: {} };
}

/**
 * What a sampler's first step is given: zeros.
 *
 * @param points shape of the points, `[batch, ...sample]`
 */
export function firstCarry(sampler: Sampler, points: Shape): Tensors {
  const specs = Object.entries(sampler.carry?.(points) ?? {});
  return Object.fromEntries(specs.map(([name, { shape, dtype }]) => [name, full(0, shape, dtype)]));
}

import type { InitialSpecs } from '@flowmap/core';
import type { Tensor, Tensors } from '@flowmap/tensor';
import { equalisedDense } from './equalised.js';

/** The last layer of a discriminator. */
export interface ClassProjection {
  readonly parameters: InitialSpecs;
  /** Maps features `[batch, width]` and labels `[batch]` to logits `[batch]`. */
  apply(params: Tensors, features: Tensor, label: Tensor | undefined): Tensor;
}

/**
 * Logits `w . h + b + e_c . h / sqrt(width)` with a learned vector `e_c` for each class (projection discriminator:
 * Miyato and Koyama 2018).
 *
 * @param classes 0 for logits that do not depend on a class
 */
export function classProjection(name: string, width: number, classes: number): ClassProjection {
  const unconditional = equalisedDense(name, width, 1);
  const table = `${name}.classes`;
  return {
    parameters: {
      ...unconditional.parameters,
      ...(classes > 0 ? { [table]: { shape: [classes, width], std: 1 } } : {}),
    },
    apply(params, features, label) {
      const logits = unconditional.apply(params, features).reshape([features.shape[0]!]);
      if (label === undefined) return logits;
      const projected = features.mul(params[table]!.gather(label)).sum([1]);
      return logits.add(projected.mul(1 / Math.sqrt(width)));
    },
  };
}

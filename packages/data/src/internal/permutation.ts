import { uniforms } from '@flowmap/core';

/**
 * The order in which one epoch visits the samples: a Fisher–Yates shuffle of `0 … length - 1`, keyed by (seed, epoch).
 */
export function permutation(length: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  const random = uniforms({ seed, purpose: 'order', step: epoch }, length);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random[i]! * (i + 1));
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

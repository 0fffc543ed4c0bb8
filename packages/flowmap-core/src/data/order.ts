import { uniforms } from '@flowmap/tensor';

/**
 * The order in which one epoch visits the samples: a Fisher-Yates shuffle of `0 … length - 1`, keyed by (seed, epoch).
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

/**
 * Position in the endless stream of epochs -> index in the dataset; keeps the permutations of the two most recently
 * used epochs.
 */
export function shuffledIndices(length: number, seed: number): (position: number) => number {
  const epochs = new Map<number, Uint32Array>();
  return (position) => {
    const epoch = Math.floor(position / length);
    let order = epochs.get(epoch);
    if (!order) {
      order = permutation(length, seed, epoch);
      epochs.set(epoch, order);
      const [oldest] = epochs.keys();
      if (epochs.size > 2 && oldest !== undefined) epochs.delete(oldest);
    }
    return order[position - epoch * length]!;
  };
}

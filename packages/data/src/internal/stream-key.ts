import type { RandomKey } from '@flowmap/core';

/**
 * The random stream of one position in an endless sequence; the key's sample has 32 bits, and the rest goes into its
 * step.
 */
export function streamKey(seed: number, purpose: string, position: number): RandomKey {
  return { seed, purpose, step: Math.floor(position / 2 ** 32), sample: position % 2 ** 32 };
}

import { RandomKeyError } from '../errors.js';
import { isWhole } from '../whole.js';

/**
 * Names one stream of random numbers. Draws depend on nothing else: not on batch size, worker count, runtime, or what
 * was drawn before, so a resumed run sees the same numbers as an uninterrupted one. Every function that takes a key
 * throws a {@link RandomKeyError} for a number outside its range.
 */
export interface RandomKey {
  /** Whole number in [0, 2^53). */
  readonly seed: number;
  /** What the numbers are for: `noise`, `times`, `order`, … Different purposes are independent. */
  readonly purpose: string;
  /** Training step, whole number in [0, 2^53); 0 unless given. */
  readonly step?: number;
  /** Index of the sample, whole number in [0, 2^32); 0 unless given. */
  readonly sample?: number;
}

/** Throws a {@link RandomKeyError} for a number outside its range. */
export function requireRange({ seed, step = 0, sample = 0 }: RandomKey): void {
  requireBits('seed', seed, 53);
  requireBits('step', step, 53);
  requireBits('sample', sample, 32);
}

function requireBits(field: 'seed' | 'step' | 'sample', value: number, bits: number): void {
  if (!isWhole(value) || value >= 2 ** bits) {
    throw new RandomKeyError(field, value, `[0, 2^${bits})`);
  }
}

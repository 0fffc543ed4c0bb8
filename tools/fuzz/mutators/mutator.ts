import type { Random } from '../random.js';

/**
 * Changes an input a little, knowing its format.
 *
 * @param bytes not to be changed
 * @param other another input of the corpus, to take parts of
 */
export type Mutator = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

/** Whole numbers at which lengths, counts and offsets go wrong. */
export const edges = [
  ...[0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 64, 127, 128, 255, 256, 1023, 1024, 1025, 4095, 16_383, 16_384, 65_535],
  ...[65_536, 2 ** 24, 2 ** 26, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53],
] as const;

/** The longest input that is made: what it asks for must come from its content, not from its length. */
export const MAX_LENGTH = 65_536;

import { ConfigError } from './errors.js';

/** True for a whole number of at least `least`, up to 2^53 - 1. */
export function isWhole(value: unknown, least = 0): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

/**
 * Checks that an option is a whole number of at least `least`.
 *
 * @param option as the user writes it: `dit.width`
 * @param value value of the option; from a file it may be of any type
 * @param least 1 unless given
 * @throws {ConfigError} naming the option
 */
export function requireWhole(option: string, value: unknown, least = 1): void {
  if (isWhole(value, least)) return;
  const got = typeof value === 'number' ? value : `a value of type ${typeof value}`;
  throw new ConfigError(option, `wanted a whole number >= ${least}, got ${got}`);
}

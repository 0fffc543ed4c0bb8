import { ConfigError } from '@flowmap/core';
import { requireWhole } from '@flowmap/tensor';

/**
 * Checks the shape of a sample.
 *
 * @param axes names of its axes
 * @throws {ConfigError} naming the option
 */
export function requireShape(option: string, shape: readonly number[], axes: readonly string[]): void {
  if (!Array.isArray(shape) || shape.length !== axes.length) {
    throw new ConfigError(option, `wanted [${axes.join(', ')}], got ${JSON.stringify(shape)}`);
  }
  for (const extent of shape as readonly number[]) requireWhole(option, extent);
}

/**
 * Checks a number that may not be negative.
 *
 * @param most largest number; any finite one unless given
 * @throws {ConfigError} naming the option
 */
export function requireNonNegative(option: string, value: number, most = Number.MAX_VALUE): void {
  if (value >= 0 && value <= most) return;
  const wanted = most === Number.MAX_VALUE ? 'a finite number >= 0' : `a number from 0 to ${most}`;
  throw new ConfigError(option, `wanted ${wanted}, got ${value}`);
}

/**
 * Checks a number that must be positive.
 *
 * @throws {ConfigError} naming the option
 */
export function requirePositive(option: string, value: number): void {
  if (!(value > 0 && value < Infinity)) throw new ConfigError(option, `wanted a finite number > 0, got ${value}`);
}

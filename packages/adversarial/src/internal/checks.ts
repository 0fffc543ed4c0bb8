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
 * @throws {ConfigError} naming the option
 */
export function requireNonNegative(option: string, value: number): void {
  if (!(value >= 0 && value < Infinity)) throw new ConfigError(option, `wanted a finite number >= 0, got ${value}`);
}

/**
 * Checks a number that must be positive.
 *
 * @throws {ConfigError} naming the option
 */
export function requirePositive(option: string, value: number): void {
  if (!(value > 0 && value < Infinity)) throw new ConfigError(option, `wanted a finite number > 0, got ${value}`);
}

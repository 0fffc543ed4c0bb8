import { ConfigError } from '@flowmap/core';

/**
 * Checks that a setting is greater than 0 and at most `most`.
 *
 * @throws {ConfigError} naming the setting
 */
export function requirePositive(option: string, value: number, most = Infinity): void {
  if (!(value > 0 && value <= most)) {
    const range = most === Infinity ? '> 0' : `in (0, ${most}]`;
    throw new ConfigError(option, `wanted a number ${range}, got ${value}`);
  }
}

/**
 * Checks that a setting is in [0, 1) if `zero` is set, and in (0, 1) otherwise.
 *
 * @throws {ConfigError} naming the setting
 */
export function requireShare(option: string, value: number, { zero }: { readonly zero: boolean }): void {
  if (!(value < 1 && (zero ? value >= 0 : value > 0))) {
    throw new ConfigError(option, `wanted a number in ${zero ? '[' : '('}0, 1), got ${value}`);
  }
}

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

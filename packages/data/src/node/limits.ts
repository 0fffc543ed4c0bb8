import { ConfigError } from '@flowmap/core';

/** Bytes that a compressed file may become unless the caller says otherwise: five times MNIST's largest file. */
export const MAX_BYTES = 2 ** 28;

/** Pixels of an image unless the caller says otherwise: 8192 x 8192. */
export const MAX_PIXELS = 2 ** 26;

/**
 * Checks a limit of how much a file may ask for.
 *
 * @throws {ConfigError} when it is not a number >= 1; `Infinity` is one
 */
export function requireLimit(option: string, value: number): void {
  if (!(value >= 1)) throw new ConfigError(option, `wanted a number >= 1, got ${value}`);
}

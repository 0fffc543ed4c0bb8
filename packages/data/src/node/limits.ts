import { ConfigError } from '@flowmap/core';

/** Default limit on the bytes to which a compressed file may expand: five times MNIST's largest file. */
export const MAX_BYTES = 2 ** 28;

/** Default limit on the pixels in an image: 8192 x 8192. */
export const MAX_PIXELS = 2 ** 26;

/**
 * Checks a limit on what a file may ask for.
 *
 * @throws {ConfigError} when it is not a number >= 1; `Infinity` is allowed
 */
export function requireLimit(option: string, value: number): void {
  if (!(value >= 1)) throw new ConfigError(option, `wanted a number >= 1, got ${value}`);
}

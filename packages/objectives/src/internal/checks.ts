import { ConfigError } from '@flowmap/core';
import { inWords } from '@flowmap/tensor';

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

/**
 * Checks that a setting is one of some names.
 *
 * @throws {ConfigError} naming the setting
 */
export function requireOneOf(option: string, value: string, names: readonly string[]): void {
  if (!names.includes(value)) throw new ConfigError(option, `wanted one of ${names.join(', ')}, got '${value}'`);
}

/**
 * Checks that a norm is given only where something is normalised.
 *
 * @throws {ConfigError} naming the setting
 */
export function requireNormalized(option: string, norm: string | undefined, c: number): void {
  if (norm === undefined || c !== Infinity) return;
  throw new ConfigError(option, `has no effect with c: Infinity, which does not normalise; got '${norm}'`);
}

/**
 * Checks that settings are true or false.
 *
 * @throws {ConfigError} naming the setting
 */
export function requireFlags(caller: string, flags: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(flags)) {
    if (typeof value !== 'boolean')
      throw new ConfigError(`${caller}.${name}`, `wanted true or false, got ${inWords(value)}`);
  }
}

/** From this many values per sample on, normalisation biases a mean of velocities by less than 3 % of their deviation. */
const ENOUGH_VALUES = 16;

/** From this c on, this holds for any number of values. */
const ENOUGH_C = 10;

/**
 * Checks that, under the normalisation, the mean over noisy velocities remains a mean. With a small c, the fixed point
 * of `E[(F - v) / (||F - v|| + c)] = 0` is the spatial median of v, which is far from the mean in few dimensions. For
 * coordinates with two modes 2.1 deviations apart, F was off by 0.42, 0.31, 0.14, 0.06 and 0.03 deviations with 1, 2,
 * 4, 8 and 16 values and c = 0.1, and by 0.03 with 1 value and c = 10.
 *
 * @throws {ConfigError} for fewer than 16 values and a c below 10 (of the L2 norm)
 */
export function requireMean(
  option: string,
  { c, norm, size }: { readonly c: number; readonly norm: string; readonly size: number },
): void {
  if (size >= ENOUGH_VALUES || c * (norm === 'rms' ? Math.sqrt(size) : 1) >= ENOUGH_C) return;
  throw new ConfigError(
    option,
    `training without a teacher on samples of ${size} value${size === 1 ? '' : 's'} finds their spatial median with the ` +
      `tangent normalised, not their mean; wanted c: Infinity, got ${c}`,
  );
}

/**
 * Checks that, under a weight that depends on the error, the mean over noisy velocities remains a mean; see
 * {@link requireMean}.
 *
 * @param isWeighted whether there is such a weight
 * @param wanted the setting without it, for the message
 * @throws {ConfigError} for fewer than 16 values and such a weight
 */
export function requireUnweighted(
  option: string,
  { isWeighted, size, wanted }: { readonly isWeighted: boolean; readonly size: number; readonly wanted: string },
): void {
  if (size >= ENOUGH_VALUES || !isWeighted) return;
  throw new ConfigError(
    option,
    `training without a teacher on samples of ${size} value${size === 1 ? '' : 's'} does not find the mean of their ` +
      `velocities with a weight that depends on the error; wanted ${wanted}`,
  );
}

import { requireWhole } from '@flowmap/tensor';

/**
 * Equally spaced times `t_i = from + (to - from) i / steps`, both ends exact.
 *
 * @param steps whole number >= 1
 * @param from first time; 1 = noise unless given
 * @param to last time; 0 = data unless given
 * @returns `steps + 1` times
 * @throws {ConfigError} for a number of steps that is not whole or less than 1
 */
export function uniformGrid(steps: number, from = 1, to = 0): Float32Array<ArrayBuffer> {
  requireWhole('steps', steps);
  return Float32Array.from({ length: steps + 1 }, (_, i) => (i === steps ? to : from + ((to - from) * i) / steps));
}

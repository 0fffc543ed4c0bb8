import { inWords, requireWhole } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';

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

/**
 * The times of a uniform grid from 1 to 0, shifted: `t <- shift t / (1 + (shift - 1) t)`. A shift above 1 moves times
 * towards noise, where large images are decided, one below 1 towards data; noise and data at the shifted time have
 * `shift` times their ratio (Esser et al., "Scaling rectified flow transformers for high-resolution image synthesis",
 * 2024, equation 23; FLUX's `exp(mu)`).
 *
 * @param steps whole number >= 1
 * @param shift > 0; 1 gives the uniform grid
 * @returns `steps + 1` times
 * @throws {ConfigError} for a number of steps that is not whole or less than 1, or a shift that is not a number > 0
 *
 * @example
 * shiftedGrid(2, 3); // 1, 0.75, 0
 */
export function shiftedGrid(steps: number, shift: number): Float32Array<ArrayBuffer> {
  requireWhole('steps', steps);
  if (typeof shift !== 'number' || !(shift > 0 && shift < Infinity)) {
    throw new ConfigError('shift', `wanted a number > 0, got ${inWords(shift)}`);
  }
  return Float32Array.from({ length: steps + 1 }, (_, i) => {
    const time = 1 - i / steps;
    return (shift * time) / (1 + (shift - 1) * time);
  });
}

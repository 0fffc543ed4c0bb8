import { requireWhole, uniforms } from '@flowmap/tensor';
import type { Draws } from './plugins.js';

/** Intervals by their length: `from < |t - s| <= to`, or `s = t` where both are 0. */
export interface LengthBin {
  readonly from: number;
  readonly to: number;
}

/**
 * Bins of lengths, each half as long as the one before, that hold every interval once: (1/2, 1], (1/4, 1/2], …, (0,
 * 2^-halvings], and s = t. A sampler of N equal steps takes jumps of length 1/N.
 *
 * @param halvings a whole number >= 0; 6 unless given, for lengths down to 1/64
 * @throws {ConfigError} for another number of halvings
 */
export function lengthBins(halvings = 6): LengthBin[] {
  requireWhole('lengthBins.halvings', halvings, 0);
  const halves = Array.from({ length: halvings }, (_, i) => ({ from: 2 ** -(i + 1), to: 2 ** -i }));
  return [...halves, { from: 0, to: 2 ** -halvings }, { from: 0, to: 0 }];
}

/**
 * Draws intervals of a bin: the length d uniform in it, `s ~ U(0, 1 - d)` and `t = s + d`. The same seed gives the same intervals, each
 * with its own random stream.
 *
 * @returns `t` and `s`, each `[count]`, `0 <= s <= t <= 1`, equal in the bin s = t
 */
export function intervalsIn({ from, to }: LengthBin, seed: number, count: number): Draws {
  const t = new Float32Array(count);
  const s = new Float32Array(count);
  for (let sample = 0; sample < count; sample++) {
    const [place, start] = uniforms({ seed, purpose: `lengths to ${to}`, sample }, 2);
    const d = to - place! * (to - from);
    s[sample] = start! * (1 - d);
    t[sample] = Math.min(s[sample]! + d, 1);
  }
  return { t, s };
}

/** Whether an interval belongs to a bin, in either direction. */
export function isIn({ from, to }: LengthBin, t: number, s: number): boolean {
  const d = Math.abs(t - s);
  return to === 0 ? d === 0 : d > from && d <= to;
}

import type { Draws } from '@flowmap/core';
import { normals, uniforms } from '@flowmap/tensor';
import { requirePositive, requireShare } from './internal/checks.js';

/** What one sample's draws depend on. */
export interface DrawKey {
  readonly seed: number;
  readonly step: number;
  /** Index in the batch. */
  readonly sample: number;
}

/** A distribution of the length `t - s` of the intervals that a flow map is trained on. */
export interface IntervalLengths {
  readonly name: string;
  /** Its settings, defaults included. */
  readonly config: Readonly<Record<string, number>>;
  /** Draws a length in [0, 1], the same for the same key. */
  draw(key: DrawKey): number;
}

/**
 * Lengths `d = sigmoid(tau)`, `tau ~ N(mean, std^2)`: the distribution of Align Your Flow (Algorithm 1, appendix F),
 * which favours the middle. With (-0.8, 1), 12.6 % are at most 1/8, 2.8 % at most 1/16 and 0.13 % at least 0.9.
 *
 * @param options.mean mean of tau; -0.8 unless given
 * @param options.std standard deviation of tau, > 0; 1 unless given
 * @throws {ConfigError} for a standard deviation that is not positive
 */
export function logitNormalLengths({ mean = -0.8, std = 1 }: { mean?: number; std?: number } = {}): IntervalLengths {
  requirePositive('logitNormalLengths.std', std);
  return {
    name: 'logit-normal',
    config: { mean, std },
    draw: (key) => 1 / (1 + Math.exp(-(mean + std * normals({ ...key, purpose: 'times' }, 1)[0]!))),
  };
}

/**
 * Lengths whose logarithm is uniform, `d = shortest^u`, `u ~ U(0, 1)`: each halving of the length gets the same share
 * of the batch, so a map is trained as well for many steps as for few. The price is quality in a single step.
 *
 * @param options.shortest shortest length, in (0, 1); 1/64 unless given
 * @throws {ConfigError} for a length out of its range
 */
export function logUniformLengths({ shortest = 1 / 64 }: { shortest?: number } = {}): IntervalLengths {
  requireShare('logUniformLengths.shortest', shortest, { zero: false });
  return {
    name: 'log-uniform',
    config: { shortest },
    draw: (key) => shortest ** uniforms({ ...key, purpose: 'times.length' }, 1)[0]!,
  };
}

/**
 * Draws intervals `[s, t]`: length d from its distribution, `s ~ U(0, 1 - d)`, `t = s + d`. On the diagonal the length
 * is 0 and `s = t ~ U(0, 1)`. Each sample of a step has its own random stream, and its index decides whether it is on
 * the diagonal (every fourth for a share of 1/4), so nothing depends on the batch size.
 *
 * @param diagonalShare share of the batch at s = t, in [0, 1)
 * @returns `t` and `s`, each `[count]`, `0 <= s <= t <= 1`
 */
export function sampleIntervals(
  { seed, step }: { readonly seed: number; readonly step: number },
  count: number,
  lengths: IntervalLengths,
  diagonalShare = 0,
): Draws {
  const t = new Float32Array(count);
  const s = new Float32Array(count);
  for (let sample = 0; sample < count; sample++) {
    const key = { seed, step, sample };
    const onDiagonal = Math.floor((sample + 1) * diagonalShare) > Math.floor(sample * diagonalShare);
    const d = onDiagonal ? 0 : lengths.draw(key);
    const [u] = uniforms({ ...key, purpose: 'times.start' }, 1);
    s[sample] = u! * (1 - d);
    t[sample] = u! * (1 - d) + d;
  }
  return { t, s };
}

/**
 * A distribution of lengths as settings of an objective: its name, and its own settings as e.g.
 * `intervalLengths.shortest`.
 */
export function lengthSettings({ name, config }: IntervalLengths): Record<string, string | number> {
  const own = Object.entries(config).map(([setting, value]) => [`intervalLengths.${setting}`, value]);
  return { intervalLengths: name, ...(Object.fromEntries(own) as Record<string, number>) };
}

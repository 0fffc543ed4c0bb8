import type { Dataset } from '@flowmap/core';
import { normals, requireKnownOptions, uniforms } from '@flowmap/core';
import { badArgument, checkInteger } from '../internal/checks.js';
import { distribution } from '../distribution.js';
import type { ToyOptions } from './density.js';

/** Options of {@link spirals}. */
export interface SpiralsOptions extends ToyOptions {
  /** Number of arms, at least 2; default 2. */
  readonly arms?: number;
  /** Turns that each arm makes from the centre outwards, positive; default 1.5. */
  readonly turns?: number;
  /** Standard deviation of the noise, in [0, 1), in units of the final distribution; default 0.05. */
  readonly noise?: number;
}

/**
 * Interleaved Archimedean spirals with Gaussian noise; the class is the arm.
 *
 * Arm a of A: radius `R √u` at angle `2π (turns √u + a/A)`, u uniform on [0, 1), plus noise σ. With
 * `R²/4 + σ² = 1` the mean is 0 and the variances of the two coordinates average to 1. The density has no closed form.
 *
 * @throws {ConfigError} when an option is out of its range
 */
export function spirals(options: SpiralsOptions = {}): Dataset {
  requireKnownOptions('spirals', options, { seed: true, arms: true, turns: true, noise: true });
  const { seed = 0, arms = 2, turns = 1.5, noise = 0.05 } = options;
  checkInteger('spirals', 'arms', arms, 2);
  if (!(turns > 0 && turns < Infinity)) {
    throw badArgument('spirals', 'turns', 'a positive number', String(turns));
  }
  if (!(noise >= 0 && noise < 1)) {
    throw badArgument('spirals', 'noise', 'from 0 to below 1', String(noise));
  }
  const outer = 2 * Math.sqrt(1 - noise ** 2);
  return distribution({
    name: 'spirals',
    dimension: 2,
    classes: Array.from({ length: arms }, (_, arm) => String(arm)),
    seed,
    draw(key, out, at) {
      const [which, u] = uniforms(key('spiral'), 2);
      const [dx, dy] = normals(key('spiral noise'), 2);
      const arm = Math.floor(which! * arms);
      const along = Math.sqrt(u!);
      const angle = 2 * Math.PI * (turns * along + arm / arms);
      out[at] = outer * along * Math.cos(angle) + noise * dx!;
      out[at + 1] = outer * along * Math.sin(angle) + noise * dy!;
      return arm;
    },
  });
}

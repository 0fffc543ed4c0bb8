import type { Dataset } from '@flowmap/core';
import { normals, requireKnownOptions, uniforms } from '@flowmap/core';
import { badArgument } from '../internal/checks.js';
import { distribution } from '../distribution.js';
import type { ToyOptions } from './density.js';

/** Options of {@link twoMoons}. */
export interface TwoMoonsOptions extends ToyOptions {
  /** Standard deviation of the noise, in units of a moon's radius, at least 0; default 0.05. */
  readonly noise?: number;
}

/**
 * Mean of the two coordinates and mean of their variances before scaling, from the moments of cos and sin on [0, π].
 */
const CENTRE = [0.5, 0.25] as const;
const VARIANCE = (1 + (0.75 - 2 / Math.PI + 0.5) / 2 - CENTRE[0] ** 2 - CENTRE[1] ** 2) / 2;

/**
 * Two interleaving half circles with Gaussian noise; the class is the moon (`upper`, `lower`).
 *
 * Upper: `(cos θ, sin θ)`, lower: `(1 − cos θ, 1/2 − sin θ)`, θ uniform on [0, π], plus noise; then shifted to mean 0
 * and scaled so that the two variances average to 1 (they differ: the moons lie side by side). The density has no
 * closed form.
 *
 * @throws {ConfigError} when `noise` is negative or not finite
 */
export function twoMoons(options: TwoMoonsOptions = {}): Dataset {
  requireKnownOptions('twoMoons', options, { seed: true, noise: true });
  const { seed = 0, noise = 0.05 } = options;
  if (!(noise >= 0 && noise < Infinity)) {
    throw badArgument('twoMoons', 'noise', 'a number of at least 0', String(noise));
  }
  const scale = 1 / Math.sqrt(VARIANCE + noise ** 2);
  return distribution({
    name: 'two moons',
    dimension: 2,
    classes: ['upper', 'lower'],
    seed,
    draw(key, out, at) {
      const [which, u] = uniforms(key('moon'), 2);
      const [dx, dy] = normals(key('moon noise'), 2);
      const label = which! < 0.5 ? 0 : 1;
      const cos = Math.cos(Math.PI * u!);
      const sin = Math.sin(Math.PI * u!);
      const x = label === 0 ? cos : 1 - cos;
      const y = label === 0 ? sin : 0.5 - sin;
      out[at] = (x + noise * dx! - CENTRE[0]) * scale;
      out[at + 1] = (y + noise * dy! - CENTRE[1]) * scale;
      return label;
    },
  });
}

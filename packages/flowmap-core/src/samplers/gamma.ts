import { select } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { perSample } from '../path.js';
import type { Sampler } from './sampler.js';

/**
 * γ-sampling of a flow map (Kim et al., "Consistency Trajectory Models"; used by AYF): each step follows the flow map
 * to a time `s' <= s` and adds noise to return to `s`. γ = 0 is {@link flowMapSampler}, γ = 1 is {@link consistency}.
 * Noise corrects errors of earlier steps, but makes the map take longer steps. One evaluation per step.
 *
 * On a path, `x_s = alpha x_0 + sigma z` has the distribution of `a x_s' + b e` for independent normal `e` if the data
 * keeps its factor, `a alpha' = alpha`, and the noise its variance, `a² sigma'² + b² = sigma²`. The new noise is
 * `b = γ sigma`, as in CTM, which works in terms of `sigma / alpha`. Then `a sigma' = r sigma` with `r = sqrt(1 - γ²)`:
 * s' is the time at which data and noise have the ratio alpha to `r sigma`, and a is the scale. On the linear path,
 * `a = (1 - s) + r s` and `s' = r s / a`.
 *
 * @param strength γ, from 0 = deterministic to 1 = all noise is new in every step
 * @throws {ConfigError} for a number outside [0, 1]
 */
export function gamma(strength: number): Sampler {
  if (!(strength >= 0 && strength <= 1)) throw new ConfigError('gamma', `wanted a number in [0, 1], got ${strength}`);
  const kept = Math.sqrt(1 - strength ** 2);
  return {
    name: 'gamma',
    config: { gamma: strength },
    needs: { interval: true },
    ...(strength > 0 ? { draws: 'normal' } : {}),
    step(field, x, t, s, { noise, path }) {
      const { alpha, sigma } = path.at(s);
      // At s = 1 with γ = 1 both are 0: any landing time will do, as nothing of the landing point is left.
      const { time: landing, scale } = path.locate(alpha, sigma.mul(kept));
      const landed = field.map(x, t, landing).mul(perSample(scale, x));
      const next = noise ? landed.add(noise.mul(perSample(sigma.mul(strength), x))) : landed;
      return select(perSample(s.equal(t), x).broadcastTo(x.shape), x, next);
    },
  };
}

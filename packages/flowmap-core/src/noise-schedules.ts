import { requireKnownOptions, type Tensor } from '@flowmap/tensor';
import { ConfigError } from './errors.js';
import { angleOf } from './internal/trigonometry.js';
import type { Location } from './path.js';

/**
 * How an external network measures noise: its points are `A(time) x_0 + B(time) z`, and its time can be computed from
 * the ratio `B / A` of one of our points. A {@link Path} is a noise schedule too.
 */
export interface NoiseSchedule {
  readonly name: string;
  /**
   * The smallest ratio `B / A` that its networks accept; 0 unless given. Below it, they are evaluated at this ratio.
   */
  readonly smallest?: number;
  /**
   * The largest ratio `B / A` that its networks have seen; infinite unless given. Above it, they are evaluated at this
   * ratio.
   */
  readonly largest?: number;
  /**
   * Its time, and the factor by which its points are smaller than `alpha x_0 + sigma z`.
   *
   * @param alpha factor of the data, >= 0
   * @param sigma factor of the noise, >= 0; not both 0
   */
  locate(alpha: Tensor, sigma: Tensor): Location;
}

/**
 * The noise of EDM (Karras et al. 2022) and of "variance exploding": points are `x_0 + time z`, and the time is the
 * noise's standard deviation.
 *
 * @param options.smallest the smallest standard deviation, >= 0; 0 unless given. A network that takes its logarithm,
 *   such as EDM's, is NaN at 0, where samplers and training may evaluate it: use EDM's 0.002
 * @param options.largest the largest standard deviation, > the smallest; EDM's 80 unless given, which is t = 0.98765 on
 *   the linear path
 * @throws {ConfigError} for standard deviations out of their ranges
 */
export function veNoise(options: { readonly smallest?: number; readonly largest?: number } = {}): NoiseSchedule {
  requireKnownOptions('veNoise', options, { smallest: true, largest: true });
  const { smallest = 0, largest = 80 } = options;
  if (!(smallest >= 0)) throw new ConfigError('veNoise.smallest', `wanted a number >= 0, got ${smallest}`);
  if (!(largest > smallest && largest < Infinity)) {
    throw new ConfigError('veNoise.largest', `wanted a number > ${smallest}, the smallest, got ${largest}`);
  }
  return {
    name: 've',
    smallest,
    largest,
    locate(alpha, sigma) {
      const scale = alpha.maximum(sigma.mul(1 / largest));
      return { time: sigma.div(scale).maximum(smallest), scale };
    },
  };
}

/**
 * The noise of "variance preserving" diffusion with a linear beta (Song et al., "Score-based generative modeling
 * through stochastic differential equations", 2021, equation 33; DDPM in the limit of many steps): `A^2 + B^2 = 1` and
 * `-2 log A = betaMin time + (betaMax - betaMin) time^2 / 2` for times in [0, 1].
 *
 * @param options.betaMin > 0; 0.1 unless given
 * @param options.betaMax at least betaMin; 20 unless given
 * @throws {ConfigError} for betas out of their ranges
 */
export function vpNoise(options: { readonly betaMin?: number; readonly betaMax?: number } = {}): NoiseSchedule {
  requireKnownOptions('vpNoise', options, { betaMin: true, betaMax: true });
  const { betaMin = 0.1, betaMax = 20 } = options;
  requirePositive('vpNoise.betaMin', betaMin);
  if (!(betaMax >= betaMin && betaMax < Infinity)) {
    throw new ConfigError('vpNoise.betaMax', `wanted a number >= ${betaMin}, the betaMin, got ${betaMax}`);
  }
  const largest = Math.sqrt(Math.expm1((betaMin + betaMax) / 2));
  return {
    name: 'vp',
    largest,
    locate(alpha, sigma) {
      const ratio = sigma.div(alpha.maximum(sigma.mul(1 / largest)));
      const exponent = ratio.square().add(1).log();
      // The positive root of the quadratic equation for the time, in a form without a difference.
      const discriminant = exponent.mul(2 * (betaMax - betaMin)).add(betaMin ** 2);
      const root = discriminant.sqrt();
      return { time: exponent.mul(2).div(root.add(betaMin)), scale: alpha.square().add(sigma.square()).sqrt() };
    },
  };
}

/**
 * The cosine noise of Nichol & Dhariwal ("Improved denoising diffusion probabilistic models", 2021, equation 17):
 * `A^2 + B^2 = 1` and `A = cos(u) / cos(u_0)` with `u = π / 2 (time + offset) / (1 + offset)` for times in [0, 1].
 *
 * @param options.offset at least 0; 0.008 unless given. With 0 it is `trigonometricPath`
 * @throws {ConfigError} for an offset that is not a number >= 0
 */
export function cosineNoise(options: { readonly offset?: number } = {}): NoiseSchedule {
  requireKnownOptions('cosineNoise', options, { offset: true });
  const { offset = 0.008 } = options;
  if (!(offset >= 0 && offset < Infinity)) {
    throw new ConfigError('cosineNoise.offset', `wanted a number >= 0, got ${offset}`);
  }
  const start = ((Math.PI / 2) * offset) / (1 + offset);
  return {
    name: 'cosine',
    locate(alpha, sigma) {
      // (A cos(u_0))^2 + (B^2 + (A sin(u_0))^2) = 1
      const sineSquare = sigma.square().add(alpha.mul(Math.sin(start)).square());
      const sine = sineSquare.sqrt();
      const angle = angleOf(alpha.mul(Math.cos(start)), sine);
      return {
        time: angle.mul((1 + offset) * (2 / Math.PI)).sub(offset),
        scale: alpha.square().add(sigma.square()).sqrt(),
      };
    },
  };
}

/**
 * Checks that a setting is a number above 0.
 *
 * @throws {ConfigError} naming the setting
 */
export function requirePositive(option: string, value: number): void {
  if (!(value > 0 && value < Infinity)) throw new ConfigError(option, `wanted a number > 0, got ${value}`);
}

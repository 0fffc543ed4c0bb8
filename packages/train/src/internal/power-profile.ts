import { ConfigError } from '@flowmap/core';

/**
 * Weight of the parameters over time in an average: `p(tau) = (gamma + 1) tau^gamma / step^(gamma + 1)` for tau in [0, step] (Karras et
 * al., "Analyzing and improving the training dynamics of diffusion models", 2024, equation 3). The update of `powerEma` at step k gives
 * the parameters after step j the integral of p over [j - 1, j].
 */
export interface PowerProfile {
  /** Standard deviation relative to the step, in (0, 0.28). */
  readonly width: number;
  /** The step that the average is of, at least 1. */
  readonly step: number;
}

/**
 * Checks that a profile has a width.
 *
 * @throws {ConfigError} for one out of (0, 0.28), of which a gamma >= 0 has most
 */
export function requireWidth(option: string, width: number): void {
  if (!(width > 0 && width < 0.28)) throw new ConfigError(option, `wanted a number in (0, 0.28), got ${width}`);
}

/** The gamma >= 0 of a relative width, by bisection: the width falls as gamma grows. */
export function gammaOf(width: number): number {
  let [low, high] = [0, 1 / width ** 2];
  for (let i = 0; i < 60; i++) {
    const gamma = (low + high) / 2;
    if (Math.sqrt(gamma + 1) / ((gamma + 2) * Math.sqrt(gamma + 3)) > width) low = gamma;
    else high = gamma;
  }
  return low;
}

/**
 * Cosine of the angle between two profiles as functions of time. From
 * `∫ p_a p_b = (gamma_a + 1) (gamma_b + 1) min(a, b)^(gamma_a + gamma_b + 1) / ((gamma_a + gamma_b + 1) a^(gamma_a + 1) b^(gamma_b + 1))`
 * with steps a and b (appendix C.2 there), divided by the norms, powers of large steps cancel: for a <= b,
 * `sqrt((2 gamma_a + 1) (2 gamma_b + 1)) / (gamma_a + gamma_b + 1) (a / b)^(gamma_b + 1 / 2)`.
 */
export function profileCosine(first: PowerProfile, second: PowerProfile): number {
  const [early, late] = first.step <= second.step ? [first, second] : [second, first];
  const [gammaEarly, gammaLate] = [gammaOf(early.width), gammaOf(late.width)];
  const ofGammas = Math.sqrt((2 * gammaEarly + 1) * (2 * gammaLate + 1)) / (gammaEarly + gammaLate + 1);
  return ofGammas * (early.step / late.step) ** (gammaLate + 0.5);
}

/** L2 norm of a profile: `(gamma + 1) / sqrt((2 gamma + 1) step)`. */
export function profileNorm({ width, step }: PowerProfile): number {
  const gamma = gammaOf(width);
  return (gamma + 1) / Math.sqrt((2 * gamma + 1) * step);
}

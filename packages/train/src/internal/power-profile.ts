import { ConfigError } from '@flowmap/core';

/**
 * The weight that an average gives the parameters at time tau in [0, step], `p(tau) = (gamma + 1) tau^gamma /
 * step^(gamma + 1)` (Karras et al., "Analyzing and improving the training dynamics of diffusion models", 2024, section
 * 3.1). The updates of `powerEma` give the parameters after step j the integral of p over [j - 1, j].
 */
export interface PowerProfile {
  /** Standard deviation relative to the step, in (0, 0.28). */
  readonly width: number;
  /** The step at which the average is taken, at least 1. */
  readonly step: number;
}

/**
 * Checks that there is a profile of a width.
 *
 * @throws {ConfigError} for a width outside (0, 0.28); gamma = 0 gives 0.289
 */
export function requireWidth(option: string, width: number): void {
  if (!(width > 0 && width < 0.28)) throw new ConfigError(option, `wanted a number in (0, 0.28), got ${width}`);
}

/** The gamma >= 0 that gives a relative width, by bisection: the width falls as gamma grows. */
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
 * The inner product of two profiles as functions of time, divided by their norms. With steps a and b,
 *
 *   <p_a, p_b> = (gamma_a + 1) (gamma_b + 1) min(a, b)^(gamma_a + gamma_b + 1)
 *                / ((gamma_a + gamma_b + 1) a^(gamma_a + 1) b^(gamma_b + 1))
 *
 * Divided by the norms, the large powers cancel. For a <= b,
 *
 *   sqrt((2 gamma_a + 1) (2 gamma_b + 1)) / (gamma_a + gamma_b + 1) (a / b)^(gamma_b + 1/2)
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

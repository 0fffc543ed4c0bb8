import { ConfigError } from '@flowmap/core';
import type { Schedule } from './schedules.js';

/**
 * Decay of an exponential moving average of the weights, `ema <- beta ema + (1 - beta) theta`, with the power-function
 * profile `beta = (1 - 1 / k)^(gamma + 1)` at step k = 1, 2, … (Karras et al., "Analyzing and improving the training
 * dynamics of diffusion models", 2024, equation 127 and section 3.1). The average reaches back over a fixed fraction of
 * the steps so far, so it suits short and long runs alike, and forgets the initial weights completely.
 *
 * @param width standard deviation of the profile relative to the steps so far,
 *   `sigma_rel = sqrt(gamma + 1) / ((gamma + 2) sqrt(gamma + 3))`, in (0, 0.28); 0.05 unless given
 * @throws {ConfigError} for a width out of its range
 */
export function powerEma(width = 0.05): Schedule {
  if (!(width > 0 && width < 0.28))
    throw new ConfigError('powerEma.width', `wanted a number in (0, 0.28), got ${width}`);
  const gamma = gammaOf(width);
  return ({ step }) => (1 - 1 / (step + 1)) ** (gamma + 1);
}

/**
 * Decay of an exponential moving average with a half-life in steps, `beta = 2^(-1 / min(halflife, ramp k))` at step
 * k = 1, 2, …; the ramp keeps the average of a short run from remembering its initial weights.
 *
 * @param halflife half-life in steps, > 0
 * @param ramp longest half-life as a fraction of the steps so far, > 0; 0.05 unless given
 * @throws {ConfigError} for a setting out of its range
 */
export function halflifeEma(halflife: number, ramp = 0.05): Schedule {
  if (!(halflife > 0)) throw new ConfigError('halflifeEma.halflife', `wanted a number of steps > 0, got ${halflife}`);
  if (!(ramp > 0)) throw new ConfigError('halflifeEma.ramp', `wanted a number > 0, got ${ramp}`);
  return ({ step }) => 2 ** (-1 / Math.min(halflife, ramp * (step + 1)));
}

/** The gamma >= 0 that gives a relative width, by bisection: the width falls as gamma grows. */
function gammaOf(width: number): number {
  let [low, high] = [0, 1 / width ** 2];
  for (let i = 0; i < 60; i++) {
    const gamma = (low + high) / 2;
    if (Math.sqrt(gamma + 1) / ((gamma + 2) * Math.sqrt(gamma + 3)) > width) low = gamma;
    else high = gamma;
  }
  return low;
}

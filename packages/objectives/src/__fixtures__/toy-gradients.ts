import type { ToyCase, ToyParameters } from '../testing/index.js';
import { toyAverageVelocity } from '../testing/index.js';

type Gradient = readonly [a: number, b: number, d: number];

/** The gradient `pull * dF/d(a, b, d)` of the toy student `F = a x (1 + b t + d s)` at a sample's own times. */
export function toyGradient({ xt, t, s }: Pick<ToyCase, 'xt' | 't' | 's'>, { a, b, d }: ToyParameters, pull: number): Gradient {
  return [pull * (1 + b * t + d * s) * xt, pull * a * t * xt, pull * a * s * xt];
}

/** Sum of gradients. */
export function sumOf(...gradients: readonly Gradient[]): Gradient {
  const total = (k: 0 | 1 | 2): number => gradients.reduce((sum, gradient) => sum + gradient[k], 0);
  return [total(0), total(1), total(2)];
}

/** F of the toy student at its own point and times. */
export function toyF(sample: ToyCase, params: ToyParameters): number {
  return toyAverageVelocity(params, sample, sample.xt, sample.t, sample.s);
}

/**
 * The toy student's derivative along the direction (v, 1) at its own point and times, where the term of `e` adds
 * `e (t - s) x`.
 */
export function toyDerivative({ xt, t, s }: ToyCase, { a, b, d, e }: ToyParameters, v: number): number {
  return a * (1 + b * t + d * s) * v + (a * b + e * (t - s)) * xt;
}

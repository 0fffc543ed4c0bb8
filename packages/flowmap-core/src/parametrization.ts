import { full, type Tensor } from '@flowmap/tensor';
import { sinc } from './internal/trigonometry.js';
import { perSample } from './path.js';

/** How a flow map is computed from its network's output: `f(x, t, s) = skip(t, s) x + out(t, s) output`. */
export interface Parametrization {
  readonly name: ParametrizationName;
  /** Factor of the point, 1 at s = t. Times and factor are `[batch]`. */
  skip(t: Tensor, s: Tensor): Tensor;
  /** Factor of the network's output, 0 at s = t. */
  out(t: Tensor, s: Tensor): Tensor;
  /** The mean velocity `(f - x) / (s - t)`, shaped as `x`, with its limit at s = t. */
  averageVelocity(output: Tensor, x: Tensor, t: Tensor, s: Tensor): Tensor;
}

/** Names of the parametrisations, as stored in files. */
export type ParametrizationName = 'euler' | 'trigonometric';

/**
 * The Euler parametrisation `f = x + (s - t) F(x, t, s)` (AYF, MeanFlow): the network's output is the mean velocity,
 * and the velocity at s = t. Works with any path.
 */
export const eulerParametrization: Parametrization = {
  name: 'euler',
  skip: (t) => full(1, t.shape),
  out: (t, s) => s.sub(t),
  averageVelocity: (output) => output,
};

/**
 * The trigonometric parametrisation `f = cos(d) x - sin(d) F(x, t, s)` with `d = π (t - s) / 2` (TrigFlow; rCM), for
 * the trigonometric path. At s = t the network's output is the velocity with respect to the angle `π t / 2` rather than
 * t, `F(x, t, t) = 2 v(x, t) / π`.
 *
 * Since `s - t = -2 d / π`, the mean velocity is `(f - x) / (s - t) = π / 2 ((1 - cos d) / d x + sin(d) / d F)
 * = π / 2 (sin(d / 2) sinc(d / 2) x + sinc(d) F)`.
 */
export const trigonometricParametrization: Parametrization = {
  name: 'trigonometric',
  skip: (t, s) => angleBetween(t, s).cos(),
  out: (t, s) => angleBetween(t, s).sin().neg(),
  averageVelocity(output, x, t, s) {
    const d = angleBetween(t, s);
    const half = d.mul(0.5);
    const rate = Math.PI / 2;
    const skip = half.sin().mul(sinc(half)).mul(rate);
    const out = sinc(d).mul(rate);
    return perSample(skip, x).mul(x).add(perSample(out, x).mul(output));
  },
};

/**
 * The network output with which the trigonometric parametrisation has a mean velocity: the inverse of
 * `trigonometricParametrization.averageVelocity`, for losses on that output under any parametrisation.
 *
 * @param average mean velocity, shaped as `x`
 * @param t `[batch]`
 * @param s `[batch]`
 */
export function trigonometricOutput(average: Tensor, x: Tensor, t: Tensor, s: Tensor): Tensor {
  const d = angleBetween(t, s);
  const half = d.mul(0.5);
  const skip = half.sin().mul(sinc(half));
  const scaled = average.mul(2 / Math.PI);
  return scaled.sub(perSample(skip, x).mul(x)).div(perSample(sinc(d), x));
}

/** The parametrisations by name. */
export const parametrizations: Readonly<Record<ParametrizationName, Parametrization>> = {
  euler: eulerParametrization,
  trigonometric: trigonometricParametrization,
};

function angleBetween(t: Tensor, s: Tensor): Tensor {
  return t.sub(s).mul(Math.PI / 2);
}

import { full, jvp, ShapeError, type Tensor } from '@flowmap/tensor';
import { ConfigError } from './errors.js';
import { angleOf } from './internal/trigonometry.js';

/**
 * One number per sample, shaped to combine with a batch: `[batch]` becomes `[batch, 1, ..., 1]` of the rank of `x`.
 *
 * @throws {ShapeError} when `values` is not `[batch]`
 */
export function perSample(values: Tensor, x: Tensor): Tensor {
  const [batch = 0, ...rest] = x.shape;
  if (values.rank !== 1 || values.shape[0] !== batch) {
    throw new ShapeError('perSample', `one value for each of ${batch} samples`, [values.shape, x.shape]);
  }
  return values.reshape([batch, ...rest.map(() => 1)]);
}

/** Avoids division by zero; it changes no other value, as a scale is 0 or at least 1e-8. */
const SMALLEST = 1e-30;

/**
 * The location on a path of a point between data and noise: its time, and the factor by which the path's point is
 * smaller.
 */
export interface Location {
  readonly time: Tensor;
  readonly scale: Tensor;
}

/** A path `x_t = alpha(t) x_0 + sigma(t) z` between data (t = 0) and noise (t = 1). */
export interface Path {
  readonly name: PathName;
  /**
   * The factors of data and noise.
   *
   * @param t times in [0, 1], of any shape
   * @returns tensors of that shape; (1, 0) at t = 0 and (0, 1) at t = 1
   */
  at(t: Tensor): { readonly alpha: Tensor; readonly sigma: Tensor };
  /**
   * The inverse of {@link at}: `alpha = scale alpha(time)` and `sigma = scale sigma(time)`.
   *
   * @param alpha factor of the data, >= 0
   * @param sigma factor of the noise, >= 0; where both are 0, so are time and scale
   */
  locate(alpha: Tensor, sigma: Tensor): Location;
}

/** Names of the paths, as stored in files. */
export type PathName = 'linear' | 'trigonometric';

/** The linear path, `alpha = 1 - t` and `sigma = t` (flow matching; AYF). */
export const linearPath: Path = {
  name: 'linear',
  at: (t) => ({ alpha: full(1).sub(t), sigma: t }),
  locate(alpha, sigma) {
    const scale = alpha.add(sigma);
    return { time: sigma.div(scale.maximum(SMALLEST)), scale };
  },
};

/** The trigonometric path's angle at t = 1. */
const QUARTER_TURN = Math.PI / 2;

/**
 * The trigonometric path, `alpha = cos(π t / 2)` and `sigma = sin(π t / 2)`, on which data of variance 1 keeps that
 * variance (Lu & Song, "Simplifying, stabilizing and scaling continuous-time consistency models", 2024: TrigFlow, whose
 * angle is `π t / 2`).
 */
export const trigonometricPath: Path = {
  name: 'trigonometric',
  // The cosine is computed as a sine, which is exactly 0 at t = 1.
  at: (t) => ({
    alpha: full(1).sub(t).mul(QUARTER_TURN).sin(),
    sigma: t.mul(QUARTER_TURN).sin(),
  }),
  locate: (alpha, sigma) => ({
    time: angleOf(alpha, sigma).mul(2 / Math.PI),
    scale: alpha.square().add(sigma.square()).sqrt(),
  }),
};

/** The paths by name. */
export const paths: Readonly<Record<PathName, Path>> = { linear: linearPath, trigonometric: trigonometricPath };

/**
 * The point `x_t = alpha(t) x_0 + sigma(t) z` of a path between data (t = 0) and noise (t = 1).
 *
 * @param x0 data `[batch, ...]`
 * @param z noise of the same shape, standard normal
 * @param t `[batch]`, in [0, 1]
 * @param path the linear path, `x_t = (1 - t) x_0 + t z`, unless given
 * @returns `x_t`, shaped as `x0`
 */
export function interpolate(x0: Tensor, z: Tensor, t: Tensor, path: Path = linearPath): Tensor {
  const time = perSample(t, x0);
  if (path.name === 'linear') return x0.add(time.mul(z.sub(x0)));
  const { alpha, sigma } = path.at(time);
  return alpha.mul(x0).add(sigma.mul(z));
}

/**
 * Velocity of a path given both endpoints, `dx_t/dt = alpha'(t) x_0 + sigma'(t) z`; its mean given `x_t` is the
 * marginal velocity `v(x_t, t)`.
 *
 * @param t `[batch]`, in [0, 1]; not needed for the linear path, whose velocity is `z - x_0`
 * @param path the linear path unless given
 * @throws {ConfigError} for any other path without times
 */
export function conditionalVelocity(x0: Tensor, z: Tensor, t?: Tensor, path: Path = linearPath): Tensor {
  if (path.name === 'linear') return z.sub(x0);
  if (t === undefined) {
    throw new ConfigError(
      'conditionalVelocity.t',
      `wanted the times, on which the velocity of the ${path.name} path depends`,
    );
  }
  const { alpha, sigma } = ratesOf(path, perSample(t, x0));
  return alpha.mul(x0).add(sigma.mul(z));
}

/** The derivatives `alpha'(t)` and `sigma'(t)` of a path's factors, shaped as `t`. */
export function ratesOf(path: Path, t: Tensor): { readonly alpha: Tensor; readonly sigma: Tensor } {
  const rate = (name: 'alpha' | 'sigma'): Tensor => jvp((time) => path.at(time)[name], [t], [full(1, t.shape)])[1];
  return { alpha: rate('alpha'), sigma: rate('sigma') };
}

import { ShapeError, type Tensor } from '@flowmap/tensor';

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

/**
 * The linear path `x_t = (1 - t) x_0 + t z` between data (t = 0) and noise (t = 1) (AYF).
 *
 * @param x0 data `[batch, ...]`
 * @param z noise of the same shape, standard normal
 * @param t `[batch]`, in [0, 1]
 * @returns `x_t`, shaped as `x0`
 */
export function interpolate(x0: Tensor, z: Tensor, t: Tensor): Tensor {
  const time = perSample(t, x0);
  return x0.add(time.mul(z.sub(x0)));
}

/** Velocity of the linear path given both ends, `dx_t/dt = z - x_0`; its mean given `x_t` is the marginal velocity `v(x_t, t)`. */
export function conditionalVelocity(x0: Tensor, z: Tensor): Tensor {
  return z.sub(x0);
}

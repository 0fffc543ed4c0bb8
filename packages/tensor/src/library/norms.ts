import { ShapeError } from '../errors.js';
import { inFloat32 } from './in-float32.js';
import { requireFloats } from '../graph/infer.js';
import { full, type Tensor } from '../graph/tensor.js';

/** Inverse root mean square over the given axes, which are kept with extent 1. */
function inverseRms(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  return full(1, [], x.dtype).div(x.square().mean(axes, true).add(epsilon).sqrt());
}

/**
 * Divides by the root mean square along the last axis: `x / sqrt(mean(x^2) + epsilon)` (Zhang and Sennrich 2019,
 * without gain). For halves it is computed in float32 and rounded once, as are all norms.
 *
 * @param x `[..., c]`
 * @param epsilon keeps a zero vector finite; 1e-6 unless given
 */
export function rmsNorm(x: Tensor, epsilon = 1e-6): Tensor {
  requireFloats('rmsNorm', [x]);
  return inFloat32(x, (x) => x.mul(inverseRms(x, [-1], epsilon)));
}

/**
 * Root-mean-square norm over the channels of every pixel of `[n, c, h, w]` (Karras et al. 2018, "pixelwise feature
 * vector").
 */
export function pixelNorm(x: Tensor, epsilon = 1e-6): Tensor {
  requireFloats('pixelNorm', [x]);
  return inFloat32(x, (x) => x.mul(inverseRms(x, [1], epsilon)));
}

/**
 * Centres and scales along the last axis: `(x - mean(x)) / sqrt(var(x) + epsilon)` (Ba, Kiros, Hinton 2016, without
 * gain and bias; the variance divides by the number of elements).
 */
export function layerNorm(x: Tensor, epsilon = 1e-6): Tensor {
  requireFloats('layerNorm', [x]);
  return inFloat32(x, (x) => rmsNorm(x.sub(x.mean([-1], true)), epsilon));
}

/**
 * Layer norm over groups of channels and all pixels (Wu and He 2018, without gain and bias).
 *
 * @param x `[n, c, h, w]`
 * @param groups divides `c`
 * @throws {ShapeError} when the channels do not divide into the groups
 */
export function groupNorm(x: Tensor, groups: number, epsilon = 1e-5): Tensor {
  requireFloats('groupNorm', [x]);
  const [n = 0, c = 0] = x.shape;
  if (x.rank !== 4 || c % groups !== 0) {
    throw new ShapeError(`groupNorm with ${groups} groups`, '[n, c, h, w] with channels that the groups divide', [
      x.shape,
    ]);
  }
  return layerNorm(x.reshape([n, groups, -1]), epsilon).reshape(x.shape);
}

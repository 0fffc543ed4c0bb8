import { ShapeError } from '../errors.js';
import type { DType } from '../graph/dtype.js';
import { requireFloats } from '../graph/infer.js';
import { isExtent } from '../graph/shape.js';
import { constant, type Tensor } from '../graph/tensor.js';

/** The extents of `[n, c, h, w]`. */
export function requireImage(operation: string, x: Tensor): readonly [number, number, number, number] {
  if (x.rank !== 4) throw new ShapeError(operation, 'images [n, c, h, w]', [x.shape]);
  return x.shape as unknown as readonly [number, number, number, number];
}

/**
 * Blocks of `factor x factor` pixels become channels: channel `(c, i, j)` of the result holds pixel `(i, j)` of every
 * block of channel `c` (also called pixel unshuffle).
 *
 * @param x `[n, c, h, w]`
 * @returns `[n, c factor^2, h / factor, w / factor]`
 * @throws {ShapeError} when the factor does not divide height and width
 */
export function spaceToDepth(x: Tensor, factor: number): Tensor {
  const [n, c, h, w] = requireImage('spaceToDepth', x);
  if (!isExtent(factor) || h % factor !== 0 || w % factor !== 0) {
    throw new ShapeError(`spaceToDepth by ${factor}`, 'height and width that the factor divides', [x.shape]);
  }
  const blocks = x.reshape([n, c, h / factor, factor, w / factor, factor]).transpose([0, 1, 3, 5, 2, 4]);
  return blocks.reshape([n, c * factor ** 2, h / factor, w / factor]);
}

/**
 * The inverse of {@link spaceToDepth} (also called pixel shuffle).
 *
 * @param x `[n, c factor^2, h, w]`
 * @returns `[n, c, h factor, w factor]`
 * @throws {ShapeError} when the square of the factor does not divide the channels
 */
export function depthToSpace(x: Tensor, factor: number): Tensor {
  const [n, channels, h, w] = requireImage('depthToSpace', x);
  const c = channels / factor ** 2;
  if (!isExtent(factor) || !Number.isInteger(c)) {
    throw new ShapeError(`depthToSpace by ${factor}`, 'channels that the square of the factor divides', [x.shape]);
  }
  const blocks = x.reshape([n, c, factor, factor, h, w]).transpose([0, 1, 4, 2, 5, 3]);
  return blocks.reshape([n, c, h * factor, w * factor]);
}

/**
 * Scales images to any size. Along each axis result pixel `i` lies at `(i + 1/2) r - 1/2`, where `r` is the old extent
 * divided by the new. `bilinear` interpolates the two pixels around that point, and uses the border pixel alone beyond
 * the border; `nearest` takes pixel `floor(i r)`.
 *
 * @param x `[n, c, h, w]`
 * @param size height and width of the result
 * @returns `[n, c, ...size]`
 * @throws {ShapeError} for a size that is not valid for an image
 */
export function resize2d(x: Tensor, size: readonly [number, number], mode: 'nearest' | 'bilinear'): Tensor {
  const [n, c, h, w] = requireImage('resize2d', x);
  if (!size.every(isExtent)) throw new ShapeError('resize2d', 'a size of whole numbers >= 1', [size]);
  requireFloats('resize2d', [x]);
  const factor = size[0] / h;
  if (mode === 'nearest' && Number.isInteger(factor) && size[1] === factor * w) return x.upsample2d(factor);
  // One axis at a time, as a product with a matrix of weights: two passes at any scale, with exact derivatives.
  const [horizontal, vertical] = [weights(w, size[1], mode, x.dtype), weights(h, size[0], mode, x.dtype)];
  const rows = x.reshape([n * c * h, w]).matmul(horizontal);
  const turned = rows.reshape([n, c, h, size[1]]).transpose([0, 1, 3, 2]);
  const columns = turned.reshape([n * c * size[1], h]).matmul(vertical);
  return columns.reshape([n, c, size[1], size[0]]).transpose([0, 1, 3, 2]);
}

/** `[from, to]`: the weight of each old pixel in each new one. */
function weights(from: number, to: number, mode: 'nearest' | 'bilinear', dtype: DType): Tensor {
  const matrix = new Float64Array(from * to);
  for (let i = 0; i < to; i++) {
    if (mode === 'nearest') {
      matrix[Math.floor((i * from) / to) * to + i] = 1;
    } else {
      const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
      const low = Math.min(Math.floor(place), from - 1);
      matrix[low * to + i]! += 1 - (place - low);
      if (place > low) matrix[(low + 1) * to + i]! += place - low;
    }
  }
  return constant(matrix, [from, to], dtype);
}

import { DTypeError, ShapeError } from '../errors.js';
import { requireFloats } from '../graph/infer.js';
import type { ConvAttributes } from '../graph/primitives.js';
import { broadcastShapes, isExtent, sameShape, type Shape } from '../graph/shape.js';
import { bind, constant, full, type Tensor, type TensorLike } from '../graph/tensor.js';
import { requireKnownOptions } from '../options.js';

/**
 * `condition ? a : b` element by element, with broadcasting. A number becomes a scalar of the other branch's dtype, or
 * of float32 if both are numbers.
 */
export function select(condition: Tensor, a: TensorLike, b: TensorLike): Tensor {
  const dtype = typeof a !== 'number' ? a.dtype : typeof b !== 'number' ? b.dtype : 'float32';
  const tensor = (value: TensorLike): Tensor => (typeof value === 'number' ? full(value, [], dtype) : value);
  return bind('select', [condition, tensor(a), tensor(b)], {});
}

/** The same value with derivative zero, in forward and in reverse mode. */
export function stopGradient(x: Tensor): Tensor {
  return bind('stopGradient', [x], {});
}

/**
 * `x` clamped between two bounds, `low <= high`; NaN stays NaN. The derivative is 0 beyond the bounds and 1/2 at them.
 */
export function clamp(x: Tensor, low: TensorLike, high: TensorLike): Tensor {
  return x.maximum(low).minimum(high);
}

/** Logical negation of a bool. */
export function not(x: Tensor): Tensor {
  return select(x, full(0, [], 'bool'), full(1, [], 'bool'));
}

/** True where both bools are true. */
export function and(a: Tensor, b: Tensor): Tensor {
  return select(a, b, full(0, [], 'bool'));
}

/** True where at least one of two bools is true. */
export function or(a: Tensor, b: Tensor): Tensor {
  return select(a, full(1, [], 'bool'), b);
}

/** A tensor repeated `repeats[i]` times along axis `i`. */
export function tile(x: Tensor, repeats: readonly number[]): Tensor {
  if (repeats.length !== x.rank) throw new ShapeError('tile', 'as many repeats as axes', [x.shape, repeats]);
  if (!repeats.every(isExtent)) throw new ShapeError('tile', 'whole numbers of repeats >= 1', [x.shape, repeats]);
  const apart = x.reshape(x.shape.flatMap((extent) => [1, extent]));
  const repeated = apart.broadcastTo(x.shape.flatMap((extent, axis) => [repeats[axis]!, extent]));
  return repeated.reshape(x.shape.map((extent, axis) => repeats[axis]! * extent));
}

/** Joins tensors along an axis; a negative axis counts from the end. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0];
  if (first === undefined || !Number.isInteger(axis) || axis >= first.rank || axis < -first.rank) {
    throw new ShapeError(
      `concat along axis ${axis}`,
      'tensors that have this axis',
      tensors.map((t) => t.shape),
    );
  }
  return bind('concat', tensors, { axis: axis < 0 ? axis + first.rank : axis });
}

/** Cuts a tensor along an axis into pieces of equal extent. */
export function split(x: Tensor, pieces: number, axis: number): Tensor[] {
  const at = axis < 0 ? axis + x.rank : axis;
  const extent = (x.shape[at] ?? 0) / pieces;
  if (!isExtent(pieces) || !isExtent(extent)) {
    throw new ShapeError(`split into ${pieces} along axis ${axis}`, 'an extent that the number of pieces divides', [
      x.shape,
    ]);
  }
  return Array.from({ length: pieces }, (_, piece) => {
    const starts = x.shape.map((_, i) => (i === at ? piece * extent : 0));
    return x.slice(
      starts,
      x.shape.map((n, i) => (i === at ? (piece + 1) * extent : n)),
    );
  });
}

/** Options of a convolution: one number for both directions, or `[vertical, horizontal]`. */
export interface ConvOptions {
  /** 1 unless given. */
  readonly stride?: number | readonly [number, number];
  /** Zeros on each side; 0 unless given. */
  readonly padding?: number | readonly [number, number];
  /** Distance in pixels between neighbouring taps of the kernel; 1 unless given. */
  readonly dilation?: number | readonly [number, number];
  /** Number of groups of channels that are convolved separately; 1 unless given. */
  readonly groups?: number;
}

/**
 * Two-dimensional cross-correlation `y[n,o,i,j] = sum_{c,u,v} x[n,c,i s + u d - p, j s + v d - p] weight[o,c,u,v]` with
 * stride s, padding p and dilation d. With groups, the g-th group of output channels sees only the g-th group of the
 * channels of `x`.
 *
 * @param x `[n, c, h, w]`
 * @param weight `[o, c / groups, kh, kw]`
 * @returns `[n, o, floor((h + 2 p - d (kh - 1) - 1) / s) + 1, …]`, the width like the height
 * @throws {ShapeError} when channels differ or the kernel does not fit the padded image
 */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  requireKnownOptions('conv2d', options, { stride: true, padding: true, dilation: true, groups: true });
  return bind('conv2d', [x, weight], convAttributes(options));
}

/**
 * Transposed convolution, the adjoint of {@link conv2d} with respect to its image: every pixel of `x` adds the kernel,
 * times its value, to the result at `stride` times its position.
 *
 * @param x `[n, c, h, w]`
 * @param weight `[c, o / groups, kh, kw]`
 * @param options those of the convolution of which it is the adjoint; `outputPadding`, 0 unless given and less than the
 *   stride, selects among the image sizes that this convolution maps to the size of `x`
 * @returns `[n, o, (h - 1) s - 2 p + d (kh - 1) + 1 + outputPadding, …]`, the width like the height
 * @throws {ShapeError} when channels differ or nothing is left of the image
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  options: ConvOptions & { readonly outputPadding?: number | readonly [number, number] } = {},
): Tensor {
  requireKnownOptions('convTranspose2d', options, {
    stride: true,
    padding: true,
    dilation: true,
    groups: true,
    outputPadding: true,
  });
  requireFloats('convTranspose2d', [x, weight]);
  const conv = convAttributes(options);
  const more = pair(options.outputPadding ?? 0);
  const extent = (i: 0 | 1): number =>
    ((x.shape[i + 2] ?? 0) - 1) * conv.stride[i] -
    2 * conv.padding[i] +
    conv.dilation[i] * ((weight.shape[i + 2] ?? 0) - 1) +
    1 +
    more[i];
  const size = [extent(0), extent(1)] as const;
  if (!size.every(isExtent)) {
    throw new ShapeError('convTranspose2d', `something left of the image, not ${size.join(' x ')}`, [
      x.shape,
      weight.shape,
    ]);
  }
  return bind('conv2dInputGradient', [x, weight], { ...conv, size });
}

/**
 * `one-hot(labels)[i, k] = (labels[i] == k)` as float32; a label outside `[0, classes)` gives a row of zeros.
 *
 * @param labels int32 `[n]`
 * @returns float32 `[n, classes]`
 */
export function oneHot(labels: Tensor, classes: number): Tensor {
  if (labels.dtype !== 'int32') throw new DTypeError('oneHot', 'int32 labels', [labels.dtype]);
  if (labels.rank !== 1) throw new ShapeError('oneHot', 'labels [n]', [labels.shape]);
  const indices = constant(
    Array.from({ length: classes }, (_, k) => k),
    [1, classes],
    'int32',
  );
  return labels.reshape([-1, 1]).equal(indices).cast('float32');
}

/**
 * Affine map of the last axis: `x W + b`.
 *
 * @param x `[..., k]`
 * @param weight `[k, n]`
 * @param bias `[n]`, optional
 * @returns `[..., n]`
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  requireFloats('linear', [x, weight, ...(bias ? [bias] : [])]);
  const [k, n] = weight.shape;
  if (x.rank < 1 || weight.rank !== 2 || x.shape.at(-1) !== k || (bias && !sameShape(bias.shape, [n!]))) {
    const got = [x.shape, weight.shape, ...(bias ? [bias.shape] : [])];
    throw new ShapeError('linear', 'x [..., k], weight [k, n] and bias [n]', got);
  }
  const rows = x.reshape([-1, k!]).matmul(weight);
  const affine = bias ? rows.add(bias.reshape([1, n!])) : rows;
  return affine.reshape([...x.shape.slice(0, -1), n!]);
}

/** Sums a tensor over the axes along which it was broadcast from `shape`: the adjoint of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (shape.length === 0) return x.sum();
  broadcastShapes('sumTo', [x.shape, shape]);
  const axes = shape.flatMap((extent, axis) => (extent === 1 && x.shape[axis] !== 1 ? [axis] : []));
  return x.sum(axes, true);
}

function convAttributes({ stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions): ConvAttributes {
  return { stride: pair(stride), padding: pair(padding), dilation: pair(dilation), groups };
}

function pair(value: number | readonly [number, number]): readonly [number, number] {
  return typeof value === 'number' ? [value, value] : value;
}

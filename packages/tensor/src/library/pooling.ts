import { ShapeError } from '../errors.js';
import type { DType } from '../graph/dtype.js';
import { requireImage } from './images.js';
import { requireFloats, requireNumbers } from '../graph/infer.js';
import { constant, type Tensor } from '../graph/tensor.js';
import { requireKnownOptions } from '../options.js';

/** Options of the pooling window, equal in both directions. */
export interface PoolOptions {
  /** Distance between neighbouring windows; the side of the window unless given. */
  readonly stride?: number;
  /** Pixels added on each side, less than the side of the window; 0 unless given. */
  readonly padding?: number;
}

/**
 * Mean over windows of `side x side` pixels; padding counts as zeros.
 *
 * @param x `[n, c, h, w]`
 * @returns `[n, c, floor((h + 2 padding - side) / stride) + 1, …]`, the width like the height
 * @throws {ShapeError} when the window does not fit the padded image
 */
export function averagePool2d(x: Tensor, side: number, options: PoolOptions = {}): Tensor {
  requireKnownOptions('averagePool2d', options, { stride: true, padding: true });
  const { stride = side, padding = 0 } = options;
  const [, , h, w] = requireImage('averagePool2d', x);
  requireFloats('averagePool2d', [x]);
  if (stride === side && padding === 0 && h % side === 0 && w % side === 0) {
    return x.sumPool2d(side).mul(1 / side ** 2);
  }
  const padded = x.pad([0, 0, padding, padding], [0, 0, padding, padding]);
  return pool(padded, side, stride, (a, b) => a.add(b)).mul(1 / side ** 2);
}

/**
 * Maximum over windows of `side x side` pixels; padding never wins. Pixels that tie for it share the derivative.
 *
 * @param x `[n, c, h, w]`
 * @returns `[n, c, floor((h + 2 padding - side) / stride) + 1, …]`, the width like the height
 * @throws {ShapeError} when the window does not fit the padded image
 */
export function maxPool2d(x: Tensor, side: number, options: PoolOptions = {}): Tensor {
  requireKnownOptions('maxPool2d', options, { stride: true, padding: true });
  const { stride = side, padding = 0 } = options;
  const [n, c, h, w] = requireImage('maxPool2d', x);
  requireNumbers('maxPool2d', x);
  if (stride === side && padding === 0 && h % side === 0 && w % side === 0) {
    const [rows, columns] = [h / side, w / side];
    const windows = x.reshape([n * c, rows, side, columns, side]);
    return windows.max([2, 4]).reshape([n, c, rows, columns]);
  }
  const padded =
    padding === 0 ? x : x.pad([0, 0, padding, padding], [0, 0, padding, padding]).add(frame(h, w, padding, x.dtype));
  return pool(padded, side, stride, (a, b) => a.maximum(b));
}

/** Combines the pixels of each window, rows first and then columns. */
function pool(x: Tensor, side: number, stride: number, combine: (a: Tensor, b: Tensor) => Tensor): Tensor {
  return [2, 3].reduce((image, axis) => {
    const count = Math.floor((image.shape[axis]! - side) / stride) + 1;
    if (!Number.isInteger(side) || !Number.isInteger(stride) || side < 1 || stride < 1 || count < 1) {
      throw new ShapeError(`pooling by ${side} with stride ${stride}`, 'a window that fits the image', [x.shape]);
    }
    return Array.from({ length: side }, (_, first) => everyNth(image, axis, first, stride, count)).reduce(combine);
  }, x);
}

/** Elements `first, first + step, …` of one axis, `count` of them. */
function everyNth(x: Tensor, axis: number, first: number, step: number, count: number): Tensor {
  const cut = (tensor: Tensor, start: number, end: number): Tensor =>
    tensor.slice(
      tensor.shape.map((_, i) => (i === axis ? start : 0)),
      tensor.shape.map((extent, i) => (i === axis ? end : extent)),
    );
  const end = first + step * count;
  const missing = Math.max(0, end - x.shape[axis]!);
  const none = x.shape.map(() => 0);
  const long = missing === 0 ? x : x.pad(none, none.with(axis, missing));
  if (step === 1) return cut(long, first, end);
  const before = x.shape.slice(0, axis);
  const after = x.shape.slice(axis + 1);
  const steps = cut(long, first, end).reshape([...before, count, step, ...after]);
  const starts = steps.shape.map(() => 0);
  return steps.slice(starts, steps.shape.with(axis + 1, 1)).reshape([...before, count, ...after]);
}

/** A zero image of `h x w` framed by the lowest number. */
function frame(h: number, w: number, margin: number, dtype: DType): Tensor {
  const [rows, columns] = [h + 2 * margin, w + 2 * margin];
  const lowest = dtype === 'int32' ? -(2 ** 31) : -Infinity;
  const inside = (i: number, extent: number): boolean => i >= margin && i < margin + extent;
  const values = Float64Array.from({ length: rows * columns }, (_, i) =>
    inside(Math.floor(i / columns), h) && inside(i % columns, w) ? 0 : lowest,
  );
  return constant(values, [1, 1, rows, columns], dtype);
}

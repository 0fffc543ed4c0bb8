import { ShapeError } from '../errors.js';
import { isWhole } from '../whole.js';

/** Extents of a tensor's axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements: the product of the extents, 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** True when both shapes have the same rank and extents. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** True for a valid extent of an axis: a whole number >= 1. */
export function isExtent(n: number): boolean {
  return isWhole(n, 1);
}

/** Throws a {@link ShapeError} unless every extent is a whole number >= 1: no tensor is empty. */
export function requireExtents(operation: string, shape: Shape): void {
  if (!shape.every(isExtent)) throw new ShapeError(operation, 'whole extents >= 1', [shape]);
}

/** Row-major strides in elements: `[2, 3, 4]` gives `[12, 4, 1]`. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] ?? 1;
  }
  return strides;
}

/**
 * Shape of an element-wise operation. Ranks must be equal (or one operand a scalar), and each pair of extents must be
 * equal or contain a 1: ranks are never aligned silently, since `[n] + [n, 1]` is the classic mistake.
 */
export function broadcastShapes(operation: string, shapes: readonly Shape[]): Shape {
  let result: Shape = [];
  for (const shape of shapes) {
    if (shape.length === 0) continue;
    if (result.length === 0) {
      result = shape;
      continue;
    }
    if (shape.length !== result.length) {
      throw new ShapeError(
        operation,
        'operands of equal rank, or a scalar (reshape to insert axes of extent 1)',
        shapes,
      );
    }
    const previous = result;
    result = shape.map((extent, axis) => {
      const other = previous[axis] ?? 1;
      if (extent !== other && extent !== 1 && other !== 1) {
        throw new ShapeError(operation, 'extents that are equal or 1 on every axis', shapes);
      }
      return extent === 1 ? other : extent;
    });
  }
  return result;
}

/** Resolves negative axes, checks range and uniqueness, and sorts in ascending order. */
export function normalizeAxes(operation: string, axes: readonly number[], shape: Shape): number[] {
  const rank = shape.length;
  const resolved = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  const valid = resolved.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank);
  if (!valid || new Set(resolved).size !== resolved.length) {
    throw new ShapeError(`${operation} over axes [${axes.join(', ')}]`, `distinct axes in [${-rank}, ${rank})`, [
      shape,
    ]);
  }
  return resolved.sort((a, b) => a - b);
}

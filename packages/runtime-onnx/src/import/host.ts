import { sizeOf, stridesOf, type Shape } from '@flowmap/tensor';
import { extentsOf, type Call } from './call.js';
import type { ElementType } from './element-types.js';
import { isKnown, known, numberAt, type Known, type Value } from './value.js';

// Arithmetic on numbers that are known while tracing, mostly of shapes.

/** The most numbers of a result that is computed while tracing; larger ones are left to the runtime. */
const MOST_FOLDED = 2 ** 16;

/** Whether all operands are known, and a result of this shape is small enough to be computed while tracing. */
export function folds(shape: Shape, operands: readonly (Value | undefined)[]): operands is readonly Known[] {
  return sizeOf(shape) <= MOST_FOLDED && operands.every((value) => value === undefined || isKnown(value));
}

/** A result each of whose numbers is that at one place of an operand. */
export function pick(x: Known, shape: Shape, placeOf: (index: readonly number[]) => number): Known {
  if (x.data.length === 1 && sizeOf(x.shape) > 0 && sizeOf(shape) > 0) return known(x.type, shape, x.data);
  const data = x.type.make(sizeOf(shape));
  each(shape, (index, i) => {
    data[i] = x.data[placeOf(index)]!;
  });
  return known(x.type, shape, data);
}

/** Calls a function with the index of every element, in row-major order; the index is the same array each time. */
export function each(shape: Shape, visit: (index: readonly number[], i: number) => void): void {
  const size = sizeOf(shape);
  const index = shape.map(() => 0);
  for (let i = 0; i < size; i++) {
    visit(index, i);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** Row-major position of an index, by strides. */
export function placeBy(strides: readonly number[], index: readonly number[], offset = 0): number {
  let place = offset;
  for (let axis = 0; axis < strides.length; axis++) place += strides[axis]! * index[axis]!;
  return place;
}

/** Strides with which a value is read as one of a shape that it is repeated to: 0 along repeated axes. */
export function stridesTo(own: Shape, shape: Shape): number[] {
  const strides = stridesOf(own);
  const missing = shape.length - own.length;
  return shape.map((_, axis) => (axis < missing || own[axis - missing] === 1 ? 0 : strides[axis - missing]!));
}

/** The shape that operands have together by the rules of ONNX, aligned at their last axes. */
export function jointShape(call: Call, shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  const joint = Array.from({ length: rank }, (_, axis) => {
    const extents = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const extent = extents.find((one) => one !== 1) ?? 1;
    if (extents.some((one) => one !== 1 && one !== extent)) {
      call.refuse(`operands of the shapes ${shapes.map((shape) => `[${shape.join(', ')}]`).join(' and ')} do not fit`);
    }
    return extent;
  });
  return extentsOf(call, joint);
}

/** A function of known operands, number by number, repeated to a common shape. */
export function mapped(
  type: ElementType,
  shape: Shape,
  operands: readonly Known[],
  f: (...values: number[]) => number,
): Known {
  if (sizeOf(shape) > 0 && operands.every(({ data }) => data.length === 1)) {
    const data = type.make(1);
    data[0] = type.round(f(...operands.map(({ data }) => data[0]!)));
    return known(type, shape, data);
  }
  const data = type.make(sizeOf(shape));
  const strides = operands.map((operand) => stridesTo(operand.shape, shape));
  each(shape, (index, i) => {
    data[i] = type.round(f(...operands.map((operand, j) => numberAt(operand, placeBy(strides[j]!, index)))));
  });
  return known(type, shape, data);
}

import { isWhole, sizeOf, stridesOf, tile, type Shape } from '@flowmap/tensor';
import {
  axesOf,
  axisOf,
  extentsOf,
  flag,
  input,
  int,
  ints,
  wholeInput,
  type Call,
  type Operator,
  type Operators,
} from '../call.js';
import { INT64 } from '../element-types.js';
import { folds, jointShape, pick, placeBy, stridesTo } from '../host.js';
import { cut } from '../take.js';
import { broadcast, isKnown, known, numbers, traced, type Value } from '../value.js';

/** The same numbers in another shape of as many elements. */
export function reshaped(call: Call, x: Value, shape: readonly number[]): Value {
  extentsOf(call, shape);
  if (sizeOf(shape) !== sizeOf(x.shape)) {
    call.refuse(`it reshapes [${x.shape.join(', ')}] to [${shape.join(', ')}]`);
  }
  return isKnown(x) ? known(x.type, shape, x.data) : traced(x.type, x.tensor.reshape(shape));
}

const reshape: Operator = {
  inputs: [2, 2],
  trace(call) {
    const x = input(call, 0);
    const wanted = wholeInput(call, 1, 'shape') ?? call.refuse('its shape is missing');
    const keepsZeros = flag(call, 'allowzero');
    const shape = wanted.map((extent, axis) => (extent === 0 && !keepsZeros ? (x.shape[axis] ?? 0) : extent));
    const others = sizeOf(shape.filter((extent) => extent !== -1));
    return reshaped(
      call,
      x,
      shape.map((extent) => (extent === -1 ? sizeOf(x.shape) / Math.max(1, others) : extent)),
    );
  },
};

const flatten: Operator = {
  inputs: [1, 1],
  trace(call) {
    const x = input(call, 0);
    const axis = int(call, 'axis', 1);
    const at = axis === x.shape.length ? axis : axisOf(call, axis, x.shape.length);
    return reshaped(call, x, [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at))]);
  },
};

const squeeze: Operator = {
  inputs: [1, 2],
  trace(call) {
    const x = input(call, 0);
    const given = wholeInput(call, 1, 'axes');
    const axes = given === undefined ? undefined : axesOf(call, given, x.shape.length);
    const isRemoved = (extent: number, axis: number): boolean => (axes ? axes.includes(axis) : extent === 1);
    if (x.shape.some((extent, axis) => isRemoved(extent, axis) && extent !== 1)) {
      call.refuse(`it removes axes of [${x.shape.join(', ')}] whose extent is not 1`);
    }
    return reshaped(
      call,
      x,
      x.shape.filter((extent, axis) => !isRemoved(extent, axis)),
    );
  },
};

const unsqueeze: Operator = {
  inputs: [2, 2],
  trace(call) {
    const x = input(call, 0);
    const given = wholeInput(call, 1, 'axes') ?? call.refuse('its axes are missing');
    const axes = axesOf(call, given, x.shape.length + given.length);
    const [own, added] = [[...x.shape], new Set(axes)];
    const rank = x.shape.length + axes.length;
    return reshaped(
      call,
      x,
      Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : own.shift()!)),
    );
  },
};

const transpose: Operator = {
  inputs: [1, 1],
  trace(call) {
    const x = input(call, 0);
    const rank = x.shape.length;
    const given = ints(call, 'perm') ?? x.shape.map((_, axis) => rank - 1 - axis);
    const permutation = axesOf(call, given, rank);
    if (permutation.length !== rank) call.refuse(`its perm has ${given.length} axes for a tensor of rank ${rank}`);
    return transposed(x, permutation);
  },
};

function transposed(x: Value, permutation: readonly number[]): Value {
  if (permutation.every((axis, i) => axis === i)) return x;
  const shape = permutation.map((axis) => x.shape[axis]!);
  const operands = [x];
  if (!folds(shape, operands)) return traced(x.type, x.tensor.transpose(permutation));
  const own = stridesOf(x.shape);
  const strides = permutation.map((axis) => own[axis]!);
  return pick(operands[0]!, shape, (index) => placeBy(strides, index));
}

/** A value repeated to a shape. */
function expanded(x: Value, shape: Shape): Value {
  const operands = [x];
  if (!folds(shape, operands)) return traced(x.type, broadcast(x.tensor, shape));
  const strides = stridesTo(x.shape, shape);
  return pick(operands[0]!, shape, (index) => placeBy(strides, index));
}

const expand: Operator = {
  inputs: [2, 2],
  trace(call) {
    const x = input(call, 0);
    const wanted = wholeInput(call, 1, 'shape') ?? call.refuse('its shape is missing');
    return expanded(x, jointShape(call, [x.shape, extentsOf(call, wanted)]));
  },
};

const repeat: Operator = {
  inputs: [2, 2],
  trace(call) {
    const x = input(call, 0);
    const repeats = wholeInput(call, 1, 'repeats') ?? call.refuse('its repeats are missing');
    if (repeats.length !== x.shape.length) call.refuse(`it has ${repeats.length} repeats for ${x.shape.length} axes`);
    const shape = extentsOf(
      call,
      x.shape.map((extent, axis) => extent * repeats[axis]!),
    );
    const operands = [x];
    if (!folds(shape, operands)) return traced(x.type, tile(x.tensor, repeats));
    return pick(operands[0]!, shape, (index) =>
      index.reduce((place, at, axis) => place * x.shape[axis]! + (at % x.shape[axis]!), 0),
    );
  },
};

const shapeOf: Operator = {
  inputs: [1, 1],
  trace(call) {
    const { shape } = input(call, 0);
    const bound = (at: number): number => Math.min(Math.max(at < 0 ? at + shape.length : at, 0), shape.length);
    const part = shape.slice(bound(int(call, 'start', 0)), bound(int(call, 'end', shape.length)));
    return numbers(INT64, [part.length], part);
  },
};

/** Cuts a value into pieces of given extents along an axis. */
function pieces(x: Value, axis: number, extents: readonly number[]): Value[] {
  let start = 0;
  return extents.map((extent) => {
    const [first, shape] = [start, x.shape.with(axis, extent)];
    start += extent;
    const operands = [x];
    if (!folds(shape, operands)) return traced(x.type, cut(x.tensor, axis, first, first + extent));
    const strides = stridesOf(x.shape);
    return pick(operands[0]!, shape, (index) => placeBy(strides, index, first * strides[axis]!));
  });
}

const split: Operator = {
  inputs: [1, 2],
  trace(call) {
    const x = input(call, 0);
    const axis = axisOf(call, int(call, 'axis', 0), x.shape.length);
    const extent = x.shape[axis]!;
    const count = int(call, 'num_outputs', call.outputs);
    const each = Math.ceil(extent / count);
    const equal = Array.from({ length: call.outputs }, (_, i) => Math.min(each, extent - i * each));
    const extents = wholeInput(call, 1, 'sizes of the pieces') ?? equal;
    const fits = extents.length === call.outputs && extents.every((one) => isWhole(one, 0));
    if (!fits || extents.reduce((sum, one) => sum + one, 0) !== extent) {
      call.refuse(`it splits an extent of ${extent} into ${call.outputs} pieces of ${extents.slice(0, 9).join(', ')}`);
    }
    return pieces(x, axis, extents);
  },
};

/** Operators that rearrange elements, and those that return shapes. */
export const shapes: Operators = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Tile: repeat,
  Split: split,
  Shape: shapeOf,
  Size: { inputs: [1, 1], trace: (call) => numbers(INT64, [], [sizeOf(input(call, 0).shape)]) },
  Identity: { inputs: [1, 1], trace: (call) => input(call, 0) },
};

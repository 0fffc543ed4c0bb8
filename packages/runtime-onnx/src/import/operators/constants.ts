import { full, isWhole, select, sizeOf, type Tensor } from '@flowmap/tensor';
import { AttributeProto_AttributeType as Type } from 'onnx-buf';
import {
  axisOf,
  extentsOf,
  flag,
  input,
  int,
  knownInput,
  LIST,
  numberInput,
  ofType,
  wholeInput,
  type Call,
  type Operator,
  type Operators,
} from '../call.js';
import { BOOL, elementTypeOf, FLOAT, INT64 } from '../element-types.js';
import { each, folds } from '../host.js';
import { known, numberAt, numbers, ofRank, traced, type Known, type Value } from '../value.js';

const constantNode: Operator = {
  inputs: [0, 0],
  without: 'texts and sparse tensors',
  trace(call) {
    const tensor = ofType(call, 'value', Type.TENSOR, 'a tensor')?.t;
    if (tensor) return call.tensorOf(tensor);
    const one = ofType(call, 'value_float', Type.FLOAT, 'a float');
    if (one) return numbers(FLOAT, [], [one.f]);
    const whole = ofType(call, 'value_int', Type.INT, 'an integer');
    if (whole) return numbers(INT64, [], [Number(whole.i)]);
    const many = ofType(call, 'value_floats', Type.FLOATS, 'floats');
    if (many) return numbers(FLOAT, [many.floats.length], many.floats);
    const wholes = ofType(call, 'value_ints', Type.INTS, 'integers');
    if (wholes) return numbers(INT64, [wholes.ints.length], wholes.ints.map(Number));
    return call.refuse('it has no numbers');
  },
};

const constantOfShape: Operator = {
  inputs: [1, 1],
  trace(call) {
    const shape = extentsOf(call, wholeInput(call, 0, 'shape') ?? []);
    const tensor = ofType(call, 'value', Type.TENSOR, 'a tensor')?.t;
    const value = tensor ? call.tensorOf(tensor) : numbers(FLOAT, [], [0]);
    if (sizeOf(value.shape) !== 1) call.refuse('its value is not one number');
    return sizeOf(shape) === 0 ? known(value.type, shape, value.type.make(0)) : known(value.type, shape, value.data);
  },
};

const range: Operator = {
  inputs: [3, 3],
  trace(call) {
    const bound = (i: number, role: string): number =>
      numberInput(call, i, role) ?? call.refuse(`its ${role} is missing`);
    const [start, limit, delta] = [bound(0, 'start'), bound(1, 'limit'), bound(2, 'delta')];
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    if (!isWhole(count, 0)) call.refuse(`it counts from ${start} to ${limit} by ${delta}`);
    call.spend(LIST * count);
    return numbers(
      input(call, 0).type,
      [count],
      Array.from({ length: count }, (_, i) => start + i * delta),
    );
  },
};

const eyeLike: Operator = {
  inputs: [1, 1],
  trace(call) {
    const x = input(call, 0);
    const dtype = int(call, 'dtype', x.type.number);
    const type = elementTypeOf(dtype) ?? call.refuse('its dtype is none that there are tensors of');
    if (x.shape.length !== 2) call.refuse('its operand is no matrix');
    call.spend(sizeOf(x.shape));
    const data = type.make(sizeOf(x.shape));
    each(x.shape, ([row, column], i) => (data[i] = column! - row! === int(call, 'k', 0) ? 1 : 0));
    return known(type, x.shape, data);
  },
};

/** The part of matrices on one side of a diagonal. */
const trilu: Operator = {
  inputs: [1, 2],
  since: 14,
  trace(call) {
    const x = input(call, 0);
    const [k = 0] = wholeInput(call, 1, 'k') ?? [];
    const isUpper = flag(call, 'upper', true);
    const rank = x.shape.length;
    if (rank < 2) call.refuse('its operand is no matrix');
    const isKept = (row: number, column: number): boolean => (isUpper ? column - row >= k : column - row <= k);
    const operands = [x];
    if (folds(x.shape, operands)) {
      const data = x.type.make(sizeOf(x.shape));
      each(x.shape, (index, i) => {
        data[i] = isKept(index[rank - 2]!, index[rank - 1]!) ? numberAt(operands[0] as Known, i) : 0;
      });
      return known(x.type, x.shape, data);
    }
    const matrix = x.shape.slice(-2);
    call.spend(sizeOf(matrix));
    const mask = BOOL.make(sizeOf(matrix));
    each(matrix, ([row, column], i) => (mask[i] = isKept(row!, column!) ? 1 : 0));
    return traced(
      x.type,
      select(ofRank(known(BOOL, matrix, mask).tensor, rank), x.tensor, full(0, [], x.tensor.dtype)),
    );
  },
};

const oneHot: Operator = {
  inputs: [3, 3],
  trace(call) {
    const [indices, values] = [input(call, 0), input(call, 2)];
    const depth = numberInput(call, 1, 'depth') ?? 0;
    if (!isWhole(depth, 1)) call.refuse('its depth is no whole number from 1');
    call.spend(LIST * depth);
    const rank = indices.shape.length + 1;
    const axis = axisOf(call, int(call, 'axis', -1), rank);
    const places = Array.from({ length: depth }, (_, i) => i);
    const shape = places.length === 0 ? [] : Array.from({ length: rank }, (_, i) => (i === axis ? depth : 1));
    const row = numbers(INT64, shape, places).tensor;
    const index = indices.tensor.cast('int32');
    const spread = index.reshape([...index.shape.slice(0, axis), 1, ...index.shape.slice(axis)]);
    const wrapped = spread.add(select(spread.less(0), full(depth, [], 'int32'), full(0, [], 'int32')));
    extentsOf(call, wrapped.shape.with(axis, depth));
    const [off, on] = [values.tensor.slice([0], [1]).reshape([]), values.tensor.slice([1], [2]).reshape([])];
    return traced(values.type, select(wrapped.equal(row), on, off));
  },
};

const nonZero: Operator = {
  inputs: [1, 1],
  without: 'what is computed from the inputs, as its number of results depends on values',
  trace(call) {
    const x = knownInput(call, 0, 'operand') ?? call.refuse('its operand is missing');
    call.spend(sizeOf(x.shape));
    const found: number[][] = [];
    each(x.shape, (index, i) => {
      if (numberAt(x, i) !== 0) found.push([...index]);
    });
    return numbers(
      INT64,
      [x.shape.length, found.length],
      x.shape.flatMap((_, axis) => found.map((index) => index[axis]!)),
    );
  },
};

const dropout: Operator = {
  inputs: [1, 3],
  without: 'training mode',
  trace(call) {
    const x = input(call, 0);
    if ((numberInput(call, 2, 'training_mode') ?? 0) !== 0) {
      call.refuse('it is in training mode', 'export the model in evaluation mode');
    }
    return call.outputs > 1 ? [x, known(BOOL, x.shape, BOOL.make(1).fill(1))] : x;
  },
};

/** `(x - zero) scale`, with one scale, one for each index of an axis, or one for each block of it. */
const dequantize: Operator = {
  inputs: [2, 3],
  trace(call) {
    const [x, scale, zero] = [input(call, 0), input(call, 1), call.inputs[2]];
    const rank = x.shape.length;
    const factors = spreadAlong(call, scale, x.shape);
    const numbers = x.tensor.cast(scale.tensor.dtype);
    const offset = zero === undefined ? undefined : spreadAlong(call, zero, x.shape).cast(scale.tensor.dtype);
    const centred = offset === undefined ? numbers : numbers.sub(offset);
    return traced(scale.type, centred.mul(factors.rank === 0 ? factors : ofRank(factors, rank)));
  },
};

/** One number for all, or for each index of an axis, or for each block of it, shaped to combine with a tensor. */
function spreadAlong(call: Call, values: Value, shape: readonly number[]): Tensor {
  const { tensor } = values;
  if (tensor.size === 1) return tensor.reshape([]);
  const axis = axisOf(call, int(call, 'axis', 1), shape.length);
  if (tensor.rank === 1) return tensor.reshape(shape.map((_, i) => (i === axis ? tensor.size : 1)));
  const size = int(call, 'block_size', 0);
  if (tensor.rank !== shape.length || size < 1 || tensor.shape[axis]! * size !== shape[axis]) {
    call.refuse(`its scale is [${tensor.shape.join(', ')}] for [${shape.join(', ')}]`);
  }
  const apart = tensor.reshape([...tensor.shape.slice(0, axis + 1), 1, ...tensor.shape.slice(axis + 1)]);
  return apart.broadcastTo(apart.shape.with(axis + 1, size)).reshape(shape);
}

/** Constants, operators that make them, and operators that have no effect in evaluation. */
export const constants: Operators = {
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
  Range: range,
  EyeLike: eyeLike,
  Trilu: trilu,
  OneHot: oneHot,
  NonZero: nonZero,
  Dropout: dropout,
  DequantizeLinear: dequantize,
};

import { bind, full, isFloat, select, type Tensor } from '@flowmap/tensor';
import { axisOf, choice, input, int, listed, type Call, type Operator, type Operators } from '../call.js';
import { isKnown, traced } from '../value.js';
import { elementPlaces, fromStart, placesOf, rowPlaces } from './indexing.js';

/**
 * Rows `[rows, ...row]`, with those at some places replaced, or others added to them. Sums are computed in floats:
 * those of integers are exact up to 2^24.
 */
function scattered(call: Call, x: Tensor, places: Tensor, updates: Tensor): Tensor {
  const [rows = 1, ...row] = x.shape;
  const asFloat = (tensor: Tensor): Tensor => (isFloat(tensor.dtype) ? tensor : tensor.cast('float32'));
  const sums = (values: Tensor): Tensor => bind('scatterAdd', [values, places], { count: rows });
  const added = sums(asFloat(updates));
  if (choice(call, 'reduction', ['none', 'add']) === 'add') return asFloat(x).add(added).cast(x.dtype);
  const touched = sums(full(1, places.shape)).greater(0);
  return select(touched.reshape([rows, ...row.map(() => 1)]), added.cast(x.dtype), x);
}

/** Without a reduction each place may be written only once; otherwise it would be undefined which value stays. */
function requireDistinct(call: Call, keyOf: (i: number) => string, count: number): void {
  if (choice(call, 'reduction', ['none', 'add']) === 'add') return;
  const keys = new Set(Array.from({ length: count }, (_, i) => keyOf(i)));
  if (keys.size < count) call.refuse('it writes a place twice');
}

const scatterNd: Operator = {
  inputs: [3, 3],
  without: 'the reductions mul, min and max; a place that is written twice without a reduction',
  trace(call) {
    const [x, indices, updates] = [input(call, 0), input(call, 1), input(call, 2)];
    const depth = indices.shape.at(-1) ?? 0;
    const { rows, places } = rowPlaces(call, indices, x.shape);
    if (isKnown(indices)) {
      const list = listed(call, indices).map((index, i) => (index < 0 ? index + x.shape[i % depth]! : index));
      requireDistinct(call, (i) => list.slice(i * depth, (i + 1) * depth).join(), list.length / depth);
    }
    const row = x.shape.slice(depth);
    if (updates.shape.join() !== [...places.shape, ...row].join()) call.refuse('the shapes of its operands do not fit');
    const result = scattered(call, x.tensor.reshape([rows, ...row]), places, updates.tensor);
    return traced(x.type, result.reshape(x.shape));
  },
};

const scatterElements: Operator = {
  inputs: [3, 3],
  without: 'the reductions mul, min and max; a place that is written twice without a reduction',
  trace(call) {
    const [x, indices, updates] = [input(call, 0), input(call, 1), input(call, 2)];
    const axis = axisOf(call, int(call, 'axis', 0), x.shape.length);
    const extent = x.shape[axis]!;
    const fits = indices.shape.every((one, i) => i === axis || one <= x.shape[i]!);
    if (indices.shape.join() !== updates.shape.join() || indices.shape.length !== x.shape.length || !fits) {
      call.refuse('the shapes of its operands do not fit');
    }
    if (isKnown(indices)) {
      const list = placesOf(call, indices, extent);
      const inner = indices.shape.slice(axis + 1).reduce((size, one) => size * one, 1);
      const along = indices.shape[axis]! * inner;
      const keyOf = (i: number): string => `${list[i]} ${Math.floor(i / along)} ${i % inner}`;
      requireDistinct(call, keyOf, list.length);
    }
    const places = elementPlaces(call, fromStart(indices, extent), axis, x.shape).reshape([-1]);
    const result = scattered(call, x.tensor.reshape([-1]), places, updates.tensor.reshape([-1]));
    return traced(x.type, result.reshape(x.shape));
  },
};

/** Operators that write into a tensor. */
export const scatter: Operators = { ScatterND: scatterNd, ScatterElements: scatterElements };

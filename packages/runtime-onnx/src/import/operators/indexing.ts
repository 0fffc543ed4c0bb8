import { concat, constant, full, select, sizeOf, stridesOf, type Tensor } from '@flowmap/tensor';
import {
  axesOf,
  axisOf,
  extentsOf,
  input,
  int,
  listed,
  wholeInput,
  type Call,
  type Operator,
  type Operators,
} from '../call.js';
import { each, folds, placeBy } from '../host.js';
import { gatherAlong, take, takeRun } from '../take.js';
import { isKnown, known, listOf, traced, type Known, type Value } from '../value.js';
import { reshaped } from './shapes.js';

const join: Operator = {
  inputs: [1, Infinity],
  trace(call) {
    const values = call.inputs.map((_, i) => input(call, i));
    const { type, shape } = values[0]!;
    const axis = axisOf(call, int(call, 'axis', 0), shape.length);
    for (const value of values) {
      const fits = value.shape.length === shape.length && value.shape.every((n, i) => i === axis || n === shape[i]);
      if (!fits || value.type !== type) {
        call.refuse(`it joins ${type.name} [${shape.join(', ')}] and ${value.type.name} [${value.shape.join(', ')}]`);
      }
    }
    const extent = values.reduce((sum, value) => sum + value.shape[axis]!, 0);
    const whole = extentsOf(call, shape.with(axis, extent));
    if (!folds(whole, values)) {
      const filled = values.filter((value) => sizeOf(value.shape) > 0).map(({ tensor }) => tensor);
      return traced(type, filled.length === 1 ? filled[0]! : concat(filled, axis));
    }
    const data = type.make(sizeOf(whole));
    const inner = sizeOf(whole.slice(axis + 1));
    let start = 0;
    for (const value of values) {
      const own = value.shape[axis]! * inner;
      listOf(value).forEach((number, i) => {
        data[Math.floor(i / own) * extent * inner + start + (i % own)] = number;
      });
      start += own;
    }
    return known(type, whole, data);
  },
};

/** Indices from [-extent, extent) as places from the start. */
export function placesOf(call: Call, indices: Known, extent: number): number[] {
  return listed(call, indices).map((index) => {
    if (!Number.isInteger(index) || index < -extent || index >= extent) {
      call.refuse(`it reads index ${index} of ${extent}`);
    }
    return index < 0 ? index + extent : index;
  });
}

/** Computed indices; negative ones count from the end. */
export function fromStart(indices: Value, extent: number): Tensor {
  const { tensor } = indices;
  return isKnown(indices) && indices.data.every((index) => index >= 0)
    ? tensor
    : tensor.add(select(tensor.less(0), full(extent, [], 'int32'), full(0, [], 'int32')));
}

const gather: Operator = {
  inputs: [2, 2],
  trace(call) {
    const [x, indices] = [input(call, 0), input(call, 1)];
    const axis = axisOf(call, int(call, 'axis', 0), x.shape.length);
    const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
    const shape = extentsOf(call, [...before, ...indices.shape, ...after]);
    if (!isKnown(indices)) {
      return traced(x.type, gatherAlong(x.tensor, axis, fromStart(indices, x.shape[axis]!)));
    }
    const places = placesOf(call, indices, x.shape[axis]!);
    return reshaped(call, take(x, axis, places), shape);
  },
};

/** Row-major place in `shape` of every element of `indices`, whose own index along `axis` is the one it holds. */
export function elementPlaces(call: Call, indices: Tensor, axis: number, shape: readonly number[]): Tensor {
  const strides = stridesOf(shape);
  call.spend(indices.size);
  const rest = new Float64Array(indices.size);
  each(indices.shape, (index, i) => {
    rest[i] = placeBy(strides.with(axis, 0), index);
  });
  return indices.mul(strides[axis]!).add(constant(rest, indices.shape, 'int32'));
}

const gatherElements: Operator = {
  inputs: [2, 2],
  trace(call) {
    const [x, indices] = [input(call, 0), input(call, 1)];
    const axis = axisOf(call, int(call, 'axis', 0), x.shape.length);
    const fits = indices.shape.every((extent, i) => i === axis || extent <= x.shape[i]!);
    if (indices.shape.length !== x.shape.length || !fits) call.refuse('the shapes of its operands do not fit');
    if (isKnown(indices)) placesOf(call, indices, x.shape[axis]!);
    const places = elementPlaces(call, fromStart(indices, x.shape[axis]!), axis, x.shape);
    return traced(x.type, x.tensor.reshape([-1]).gather(places));
  },
};

/** The first axes of `shape` as one, and the place in it of each index `[..., depth]`. */
export function rowPlaces(call: Call, indices: Value, shape: readonly number[]): { rows: number; places: Tensor } {
  const depth = indices.shape.at(-1) ?? 0;
  if (depth < 1 || depth > shape.length)
    call.refuse(`its indices have ${depth} parts for a tensor of rank ${shape.length}`);
  const leading = shape.slice(0, depth);
  const strides = stridesOf(leading);
  const parts = leading.map((extent, i) => {
    const part = take(indices, indices.shape.length - 1, [i]);
    if (isKnown(part)) placesOf(call, part, extent);
    return fromStart(part, extent).mul(strides[i]!);
  });
  const sum = parts.reduce((total, part) => total.add(part));
  return { rows: sizeOf(leading), places: sum.reshape(indices.shape.slice(0, -1)) };
}

const gatherNd: Operator = {
  inputs: [2, 2],
  without: 'batch_dims',
  trace(call) {
    const [x, indices] = [input(call, 0), input(call, 1)];
    if (int(call, 'batch_dims', 0) !== 0) call.refuse('it has batch_dims');
    const depth = indices.shape.at(-1) ?? 0;
    const { rows, places } = rowPlaces(call, indices, x.shape);
    const rest = x.shape.slice(depth);
    return traced(x.type, x.tensor.reshape([rows, ...rest]).gather(places));
  },
};

const slice: Operator = {
  inputs: [3, 5],
  trace(call) {
    const x = input(call, 0);
    const [starts, ends] = [wholeInput(call, 1, 'starts') ?? [], wholeInput(call, 2, 'ends') ?? []];
    const axes = axesOf(call, wholeInput(call, 3, 'axes') ?? starts.map((_, i) => i), x.shape.length);
    const steps = wholeInput(call, 4, 'steps') ?? starts.map(() => 1);
    if ([ends, axes, steps].some(({ length }) => length !== starts.length)) {
      call.refuse('its starts, ends, axes and steps differ in number');
    }
    return axes.reduce((part, axis, i) => {
      const extent = x.shape[axis]!;
      return sliced(call, part, axis, { extent, start: starts[i]!, end: ends[i]!, step: steps[i]! });
    }, x);
  },
};

interface Range {
  readonly extent: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** The elements of an axis from `start` to before `end`, both clamped to it, and negative ones counted from the end. */
function sliced(call: Call, x: Value, axis: number, { extent, start, end, step }: Range): Value {
  if (step === 0) call.refuse('it slices in steps of 0');
  const clamped = (at: number, least: number, most: number): number =>
    Math.min(Math.max(at < 0 ? at + extent : at, least), most);
  const forward = step > 0;
  const first = clamped(start, 0, forward ? extent : extent - 1);
  const last = clamped(end, forward ? 0 : -1, extent);
  const count = Math.max(0, Math.ceil((last - first) / step));
  return takeRun(x, axis, { first, step, count });
}

/** Operators that choose elements. */
export const indexing: Operators = {
  Concat: join,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  Slice: slice,
};

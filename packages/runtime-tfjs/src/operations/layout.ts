// Operations that move elements, in the low ranks at which every back end is fast: TensorFlow.js's wasm kernels take
// hundreds of nanoseconds per element once a transposition has five axes.
import { sameShape, sizeOf, type Shape } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';
import { runsOf, sizeBetween } from './extents.js';

export function reshape(emit: Emitter, x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  return emit.call('Reshape', { x }, { shape: [...shape] }, { shape, dtype: x.dtype });
}

/** Axis `i` of the result is axis `permutation[i]` of `x`. */
export function transpose(emit: Emitter, x: Value, permutation: readonly number[]): Value {
  const { extents, order } = mergeAxes(x.shape, permutation);
  const moved = permute(emit, reshape(emit, x, extents), order);
  return reshape(
    emit,
    moved,
    permutation.map((axis) => x.shape[axis]!),
  );
}

/** The same permutation without axes of extent 1, and with axes that stay adjacent merged. */
function mergeAxes(shape: Shape, permutation: readonly number[]): { extents: number[]; order: number[] } {
  const long = shape.flatMap((extent, axis) => (extent === 1 ? [] : [axis]));
  const runs: number[][] = [];
  for (const axis of permutation.flatMap((axis) => (shape[axis] === 1 ? [] : [long.indexOf(axis)]))) {
    const run = runs.at(-1);
    if (run?.at(-1) === axis - 1) run.push(axis);
    else runs.push([axis]);
  }
  const inMemory = [...runs].sort((a, b) => a[0]! - b[0]!);
  return {
    extents: inMemory.map((run) => sizeOf(run.map((axis) => shape[long[axis]!]!))),
    order: runs.map((run) => inMemory.indexOf(run)),
  };
}

/** One kernel call for up to four axes; beyond that, one axis at a time is moved into place. */
function permute(emit: Emitter, x: Value, order: readonly number[]): Value {
  if (order.length < 2) return x;
  if (order.length <= 4) return transposeKernel(emit, x, order);
  let axes = order.map((_, axis) => axis);
  let moved = x;
  order.forEach((axis, to) => {
    const from = axes.indexOf(axis);
    if (from === to) return;
    const extents = axes.map((a) => x.shape[a]!);
    const view = [
      sizeBetween(extents, 0, to),
      sizeBetween(extents, to, from),
      extents[from]!,
      sizeBetween(extents, from + 1),
    ];
    moved = transposeKernel(emit, reshape(emit, moved, view), [0, 2, 1, 3]);
    axes = [...axes.slice(0, to), axis, ...axes.slice(to, from), ...axes.slice(from + 1)];
  });
  return moved;
}

function transposeKernel(emit: Emitter, x: Value, perm: readonly number[]): Value {
  return emit.call('Transpose', { x }, { perm }, { shape: perm.map((axis) => x.shape[axis]!), dtype: x.dtype });
}

/** Repeats axes of extent 1; a scalar broadcasts to every shape. */
export function broadcast(emit: Emitter, x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const from = x.shape.length === 0 ? shape.map(() => 1) : x.shape;
  let repeated = x;
  for (const { first, end } of runsOf(shape, (axis) => from[axis] === 1).reverse()) {
    const [outer, count, inner] = [
      sizeBetween(from, 0, first),
      sizeBetween(shape, first, end),
      sizeBetween(shape, end),
    ];
    const spec = { shape: [outer, count, inner], dtype: x.dtype };
    repeated = emit.call('Tile', { x: reshape(emit, repeated, [outer, 1, inner]) }, { reps: [1, count, 1] }, spec);
  }
  return reshape(emit, repeated, shape);
}

/** Elements `starts[i] <= index < ends[i]` of every axis. */
export function slice(emit: Emitter, x: Value, starts: readonly number[], ends: readonly number[]): Value {
  const shape = starts.map((start, axis) => ends[axis]! - start);
  if (sameShape(shape, x.shape)) return x;
  const { extents, scaled } = mergeWhole(x.shape, (axis) => shape[axis] === x.shape[axis], [starts, shape]);
  const [begin, size] = scaled as [number[], number[]];
  const cut = inFourAxes(emit, reshape(emit, x, extents), [begin, size], sliceKernel, (extent) => [0, extent]);
  return reshape(emit, cut, shape);
}

function sliceKernel(emit: Emitter, x: Value, [begin, size]: readonly (readonly number[])[]): Value {
  if (sameShape(size!, x.shape)) return x;
  return emit.call('Slice', { x }, { begin, size }, { shape: size!, dtype: x.dtype });
}

/** Zeros before and after every axis. */
export function pad(emit: Emitter, x: Value, before: readonly number[], after: readonly number[]): Value {
  const shape = x.shape.map((extent, axis) => before[axis]! + extent + after[axis]!);
  if (sameShape(shape, x.shape)) return x;
  const { extents, scaled } = mergeWhole(x.shape, (axis) => shape[axis] === x.shape[axis], [before, after]);
  return reshape(
    emit,
    inFourAxes(emit, reshape(emit, x, extents), scaled, padKernel, () => [0, 0]),
    shape,
  );
}

function padKernel(emit: Emitter, x: Value, [before, after]: readonly (readonly number[])[]): Value {
  const shape = x.shape.map((extent, axis) => before![axis]! + extent + after![axis]!);
  if (sameShape(shape, x.shape)) return x;
  const paddings = shape.map((_, axis) => [before![axis]!, after![axis]!]);
  return emit.call('PadV2', { x }, { paddings, constantValue: 0 }, { shape, dtype: x.dtype });
}

type AxisKernel = (emit: Emitter, x: Value, amounts: readonly (readonly number[])[]) => Value;

/**
 * A kernel that takes amounts per axis: called once for up to four axes; beyond that, for one axis at a time, between
 * all axes before and all after it, with amounts that leave those unchanged.
 */
function inFourAxes(
  emit: Emitter,
  x: Value,
  amounts: readonly (readonly number[])[],
  kernel: AxisKernel,
  none: (extent: number) => readonly number[],
): Value {
  if (x.shape.length <= 4) return kernel(emit, x, amounts);
  let result = x;
  for (const axis of x.shape.keys()) {
    const { shape } = result;
    const view = [sizeBetween(shape, 0, axis), shape[axis]!, sizeBetween(shape, axis + 1)] as const;
    const [outer, inner] = [none(view[0]), none(view[2])];
    const ofAxis = amounts.map((list, i) => [outer[i]!, list[axis]!, inner[i]!]);
    const made = kernel(emit, reshape(emit, result, view), ofAxis);
    result = reshape(emit, made, [...shape.slice(0, axis), made.shape[1]!, ...shape.slice(axis + 1)]);
  }
  return result;
}

/** Zeros where the amounts are positive, fewer elements where they are negative. */
export function padOrCrop(emit: Emitter, x: Value, before: readonly number[], after: readonly number[]): Value {
  const cropped = slice(
    emit,
    x,
    before.map((amount) => Math.max(0, -amount)),
    x.shape.map((extent, axis) => extent + Math.min(0, after[axis]!)),
  );
  return pad(
    emit,
    cropped,
    before.map((amount) => Math.max(0, amount)),
    after.map((amount) => Math.max(0, amount)),
  );
}

/** The elements of the given axes in reverse order. */
export function reverse(emit: Emitter, x: Value, axes: readonly number[]): Value {
  let reversed = x;
  for (const { first, end } of runsOf(x.shape, (axis) => axes.includes(axis))) {
    const rows = [sizeBetween(x.shape, 0, first), sizeBetween(x.shape, first, end), sizeBetween(x.shape, end)];
    const spec = { shape: rows, dtype: x.dtype };
    reversed = emit.call('Reverse', { x: reshape(emit, reversed, rows) }, { dims: [1] }, spec);
  }
  return reshape(emit, reversed, x.shape);
}

export function concat(emit: Emitter, pieces: readonly Value[], axis: number): Value {
  const [first] = pieces as [Value];
  if (pieces.length === 1) return first;
  const joined = pieces.reduce((total, { shape }) => total + shape[axis]!, 0);
  const shape = first.shape.map((extent, i) => (i === axis ? joined : extent));
  return emit.call('Concat', pieces, { axis }, { shape, dtype: first.dtype });
}

/**
 * Joins every axis that an operation takes whole to the axis before it, and scales per-axis amounts to match: elements
 * `a..b` of an axis are elements `a n..b n` of it together with an axis of extent `n`.
 */
function mergeWhole(
  shape: Shape,
  whole: (axis: number) => boolean,
  amounts: readonly (readonly number[])[],
): { extents: number[]; scaled: number[][] } {
  const extents: number[] = [];
  const scaled: number[][] = amounts.map(() => []);
  shape.forEach((extent, axis) => {
    const last = extents.length - 1;
    if (last >= 0 && whole(axis)) {
      extents[last]! *= extent;
      for (const list of scaled) list[last]! *= extent;
    } else {
      extents.push(extent);
      scaled.forEach((list, i) => list.push(amounts[i]![axis]!));
    }
  });
  return { extents, scaled };
}

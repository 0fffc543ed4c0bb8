import { broadcastShapes, sizeOf, type DType, type Shape } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';
import { runsOf, sizeBetween } from './extents.js';
import { broadcast, reshape } from './layout.js';

/** Number of axes up to which kernels are called directly: some support five or six, none more. */
const mostAxes = 4;

export function unary(emit: Emitter, kernel: string, x: Value): Value {
  const flat = atMostFour(emit, x);
  return reshape(emit, emit.call(kernel, { x: flat }, {}, flat), x.shape);
}

/** An arithmetic kernel with broadcasting. Beyond four axes, operands other than scalars are repeated first. */
export function binary(emit: Emitter, kernel: string, a: Value, b: Value, dtype: DType = a.dtype): Value {
  const shape = broadcastShapes(kernel, [a.shape, b.shape]);
  if (shape.length <= mostAxes) return emit.call(kernel, { a, b }, {}, { shape, dtype });
  const flat = (x: Value): Value => reshape(emit, broadcast(emit, x, shape), [sizeOf(shape)]);
  return reshape(emit, binary(emit, kernel, compact(a, flat), compact(b, flat), dtype), shape);
}

function compact(x: Value, flat: (x: Value) => Value): Value {
  return x.shape.length === 0 ? x : flat(x);
}

/**
 * `a == b` or `a < b`, bool. Operands are repeated first: wasm compares slowly while broadcasting anything but a
 * scalar.
 */
export function compare(emit: Emitter, kernel: 'Equal' | 'Less' | 'NotEqual', a: Value, b: Value): Value {
  const shape = broadcastShapes(kernel, [a.shape, b.shape]);
  return binary(emit, kernel, compact(a, full), compact(b, full), 'bool');

  function full(x: Value): Value {
    return broadcast(emit, x, shape);
  }
}

/** `condition ? t : e` of operands of one shape. The kernel moves words of four bytes, so bools are passed as int32. */
export function choose(emit: Emitter, condition: Value, t: Value, e: Value): Value {
  const wide = t.dtype === 'bool' ? 'int32' : t.dtype;
  const flat = (x: Value): Value => atMostFour(emit, x);
  const inputs = { condition: flat(condition), t: flat(cast(emit, t, wide)), e: flat(cast(emit, e, wide)) };
  const chosen = emit.call('Select', inputs, {}, { shape: inputs.t.shape, dtype: wide });
  return cast(emit, reshape(emit, chosen, t.shape), t.dtype);
}

/** The same elements on one axis, if there are more axes than all kernels support. */
function atMostFour(emit: Emitter, x: Value): Value {
  return x.shape.length <= mostAxes ? x : reshape(emit, x, [sizeOf(x.shape)]);
}

/** `x` as another dtype: to int32 towards zero, saturating, with 0 for NaN; to bool as "is not zero". */
export function cast(emit: Emitter, x: Value, dtype: DType): Value {
  if (x.dtype === dtype) return x;
  const scalar = (value: number, dtype: DType): Value => emit.constant({ shape: [], dtype }, Float64Array.of(value));
  // wasm's own cast to bool keeps the last eight bits.
  if (dtype === 'bool') return compare(emit, 'NotEqual', x, scalar(0, x.dtype));
  if (dtype !== 'int32' || x.dtype === 'bool') return convert(emit, x, dtype);
  // Every kernel has its own result for values out of range.
  const full = (value: number, dtype: DType): Value => broadcast(emit, scalar(value, dtype), x.shape);
  const atLeast = binary(emit, 'Maximum', x, scalar(-(2 ** 31), 'float32'));
  const known = choose(emit, compare(emit, 'Equal', x, x), atLeast, full(0, 'float32'));
  const isInRange = compare(emit, 'Less', known, scalar(2 ** 31, 'float32'));
  const inRange = choose(emit, isInRange, known, full(0, 'float32'));
  return choose(emit, isInRange, convert(emit, inRange, 'int32'), full(2 ** 31 - 1, 'int32'));
}

/** `x` as cast by the kernel, for values in the range of the dtype. */
export function convert(emit: Emitter, x: Value, dtype: DType): Value {
  const flat = atMostFour(emit, x);
  return reshape(emit, emit.call('Cast', { x: flat }, { dtype }, { shape: flat.shape, dtype }), x.shape);
}

/** Sum or maximum over axes, which optionally keep extent 1. */
export function reduce(
  emit: Emitter,
  kernel: 'Sum' | 'Max',
  x: Value,
  axes: readonly number[],
  keepDims: boolean,
): Value {
  const attributes = { [kernel === 'Sum' ? 'axis' : 'reductionIndices']: [1], keepDims: false };
  return reduceRuns(emit, x, axes, keepDims, (runs) => {
    const [outer, , inner] = runs.shape as [number, number, number];
    return emit.call(kernel, { x: runs }, attributes, { shape: [outer, inner], dtype: x.dtype });
  });
}

/** A reduction composed of reductions of `[outer, count, inner]` to `[outer, inner]` for each run of axes. */
export function reduceRuns(
  emit: Emitter,
  x: Value,
  axes: readonly number[],
  keepDims: boolean,
  middle: (runs: Value) => Value,
): Value {
  const extents = [...x.shape];
  let reduced = x;
  for (const { first, end } of runsOf(x.shape, (axis) => axes.includes(axis))) {
    const view = [sizeBetween(extents, 0, first), sizeBetween(extents, first, end), sizeBetween(extents, end)];
    reduced = middle(reshape(emit, reduced, view));
    extents.fill(1, first, end);
  }
  const shape: Shape = keepDims ? extents : extents.filter((_, axis) => !axes.includes(axis));
  return reshape(emit, reduced, shape);
}

/** `[..., m, k] x [..., k, n]`; a flag transposes the last two axes of its operand first. */
export function matmul(emit: Emitter, a: Value, b: Value, transposeA = false, transposeB = false): Value {
  const batch = a.shape.slice(0, -2);
  const flat = (x: Value): Value => reshape(emit, x, [sizeOf(batch), ...x.shape.slice(-2)]);
  const [x, y] = [flat(a), flat(b)];
  const [m, n] = [x.shape[transposeA ? 2 : 1]!, y.shape[transposeB ? 1 : 2]!];
  const spec = { shape: [sizeOf(batch), m, n], dtype: a.dtype };
  return reshape(emit, emit.call('BatchMatMul', { a: x, b: y }, { transposeA, transposeB }, spec), [...batch, m, n]);
}

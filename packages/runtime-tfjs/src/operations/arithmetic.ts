import { broadcastShapes, sizeOf, type DType, type Shape } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';
import { runsOf, sizeBetween } from './extents.js';
import { broadcast, reshape } from './layout.js';

export function unary(emit: Emitter, kernel: string, x: Value): Value {
  return emit.call(kernel, { x }, {}, x);
}

/** An arithmetic kernel with broadcasting. Back ends broadcast up to six axes, so higher ranks are merged or, failing that, repeated. */
export function binary(emit: Emitter, kernel: string, a: Value, b: Value, dtype: DType = a.dtype): Value {
  const shape = broadcastShapes(kernel, [a.shape, b.shape]);
  if (shape.length <= 4) return emit.call(kernel, { a, b }, {}, { shape, dtype });
  const flat = (x: Value): Value => reshape(emit, broadcast(emit, x, shape), [sizeOf(shape)]);
  return reshape(emit, binary(emit, kernel, compact(a, flat), compact(b, flat), dtype), shape);
}

function compact(x: Value, flat: (x: Value) => Value): Value {
  return x.shape.length === 0 ? x : flat(x);
}

/** `a == b` or `a < b`, bool. Operands are repeated first: wasm compares slowly while broadcasting anything but a scalar. */
export function compare(emit: Emitter, kernel: 'Equal' | 'Less' | 'NotEqual', a: Value, b: Value): Value {
  const shape = broadcastShapes(kernel, [a.shape, b.shape]);
  const full = (x: Value): Value => (x.shape.length === 0 ? x : broadcast(emit, x, shape));
  return emit.call(kernel, { a: full(a), b: full(b) }, {}, { shape, dtype: 'bool' });
}

/** `x` under another dtype: towards zero as int32, "is not zero" as bool. */
export function cast(emit: Emitter, x: Value, dtype: DType): Value {
  if (x.dtype === dtype) return x;
  if (dtype !== 'bool') return emit.call('Cast', { x }, { dtype }, { shape: x.shape, dtype });
  // wasm's own cast to bool keeps the last eight bits.
  return compare(emit, 'NotEqual', x, emit.constant({ shape: [], dtype: x.dtype }, Float32Array.of(0)));
}

/** Sum or maximum over axes, which keep extent 1 where told to. Each run of axes is one reduction of `outer x count x inner`. */
export function reduce(
  emit: Emitter,
  kernel: 'Sum' | 'Max',
  x: Value,
  axes: readonly number[],
  keepDims: boolean,
): Value {
  const extents = [...x.shape];
  let reduced = x;
  for (const { first, end } of runsOf(x.shape, (axis) => axes.includes(axis))) {
    const [outer, count, inner] = [
      sizeBetween(extents, 0, first),
      sizeBetween(extents, first, end),
      sizeBetween(extents, end),
    ];
    const axis = { [kernel === 'Sum' ? 'axis' : 'reductionIndices']: [1], keepDims: false };
    const spec = { shape: [outer, inner], dtype: x.dtype };
    reduced = emit.call(kernel, { x: reshape(emit, reduced, [outer, count, inner]) }, axis, spec);
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

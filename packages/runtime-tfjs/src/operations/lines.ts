import { sizeOf, type Shape } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';
import { reshape, transpose } from './layout.js';

/** `[lines, count]`: the given axis last, all others before it. */
export function linesAlong(emit: Emitter, x: Value, axis: number): Value {
  return reshape(emit, transpose(emit, x, lastAxis(axis, x.shape.length)), [
    sizeOf(x.shape) / x.shape[axis]!,
    x.shape[axis]!,
  ]);
}

/** The inverse of {@link linesAlong}. */
export function fromLines(emit: Emitter, lines: Value, axis: number, shape: Shape): Value {
  const order = lastAxis(axis, shape.length);
  const moved = reshape(
    emit,
    lines,
    order.map((from) => shape[from]!),
  );
  return transpose(
    emit,
    moved,
    shape.map((_, to) => order.indexOf(to)),
  );
}

/** The order of axes with one brought to the end. */
function lastAxis(axis: number, rank: number): number[] {
  return [...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis), axis];
}

import { sizeOf, type Shape } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';
import { matmul, reduce } from '../operations/arithmetic.js';
import { reshape, transpose } from '../operations/layout.js';
import { pairOf, type Lowerings } from './lowering.js';

export const contractions: Lowerings<'matmul' | 'sum' | 'reduceMax' | 'argMax' | 'cumsum' | 'softmax'> = {
  matmul: (emit, operands, { transposeA, transposeB }) => matmul(emit, ...pairOf(operands), transposeA, transposeB),
  sum: (emit, [x], { axes, keepDims }) => reduce(emit, 'Sum', x!, axes, keepDims),
  reduceMax: (emit, [x], { axes, keepDims }) => reduce(emit, 'Max', x!, axes, keepDims),
  // Along the last axis, where every back end has them.
  argMax: (emit, [x], { axis }, { shape, dtype }) => {
    const lines = linesAlong(emit, x!, axis);
    const flat = emit.call('ArgMax', { x: lines }, { axis: 1 }, { shape: [lines.shape[0]!], dtype });
    return reshape(emit, flat, shape);
  },
  cumsum: (emit, [x], { axis, exclusive, reverse }) => {
    const lines = linesAlong(emit, x!, axis);
    const sums = emit.call('Cumsum', { x: lines }, { axis: 1, exclusive, reverse }, lines);
    return fromLines(emit, sums, axis, x!.shape);
  },
  softmax: (emit, [x]) => emit.call('Softmax', { logits: x! }, { dim: x!.shape.length - 1 }, x!),
};

/** `[lines, count]`: the given axis last, all others before it. */
function linesAlong(emit: Emitter, x: Value, axis: number): Value {
  return reshape(emit, transpose(emit, x, lastAxis(axis, x.shape.length)), [
    sizeOf(x.shape) / x.shape[axis]!,
    x.shape[axis]!,
  ]);
}

/** The inverse of {@link linesAlong}. */
function fromLines(emit: Emitter, lines: Value, axis: number, shape: Shape): Value {
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

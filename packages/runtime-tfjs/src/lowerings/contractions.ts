import { cumulativeSum } from '../gpu/cumulative-sum.js';
import { firstMaximum } from '../operations/first-maximum.js';
import { matmul, reduce } from '../operations/arithmetic.js';
import { reshape } from '../operations/layout.js';
import { fromLines, linesAlong } from '../operations/lines.js';
import type { Emitter, Value } from '../emitter.js';
import { pairOf, type Lowering, type Lowerings } from './lowering.js';

/**
 * The index of the first maximum, given a function for the maximum of each line of `[lines, count]` that keeps the
 * axis.
 */
export function argMaxBy(largest: (emit: Emitter, x: Value) => Value): Lowering<'argMax'> {
  return (emit, [x], { axis }, { shape }) => {
    const lines = linesAlong(emit, x!, axis);
    return reshape(emit, firstMaximum(emit, lines, largest(emit, lines)), shape);
  };
}

export const contractions: Lowerings<'matmul' | 'sum' | 'reduceMax' | 'argMax' | 'cumsum' | 'softmax'> = {
  matmul: (emit, operands, { transposeA, transposeB }) => matmul(emit, ...pairOf(operands), transposeA, transposeB),
  sum: (emit, [x], { axes, keepDims }) => reduce(emit, 'Sum', x!, axes, keepDims),
  reduceMax: (emit, [x], { axes, keepDims }) => reduce(emit, 'Max', x!, axes, keepDims),
  argMax: argMaxBy((emit, x) => reduce(emit, 'Max', x, [1], true)),
  cumsum: (emit, operands, attributes, result) => {
    const [x] = operands;
    const { axis, exclusive, reverse } = attributes;
    // The kernels add terms one after another, and the error grows with their number.
    if (x!.dtype !== 'int32' && x!.shape[axis]! > 256) return cumulativeSum(emit, operands, attributes, result);
    const lines = linesAlong(emit, x!, axis);
    const sums = emit.call('Cumsum', { x: lines }, { axis: 1, exclusive, reverse }, lines);
    return fromLines(emit, sums, axis, x!.shape);
  },
  softmax: (emit, [x]) => emit.call('Softmax', { logits: x! }, { dim: x!.shape.length - 1 }, x!),
};

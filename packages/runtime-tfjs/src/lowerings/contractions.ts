import { cumulativeSum } from '../gpu/cumulative-sum.js';
import { matmul, reduce } from '../operations/arithmetic.js';
import { reshape } from '../operations/layout.js';
import { fromLines, linesAlong } from '../operations/lines.js';
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
  cumsum: (emit, operands, attributes, result) => {
    const [x] = operands;
    const { axis, exclusive, reverse } = attributes;
    // The kernels add one after the other, and the error grows with the terms.
    if (x!.dtype !== 'int32' && x!.shape[axis]! > 256) return cumulativeSum(emit, operands, attributes, result);
    const lines = linesAlong(emit, x!, axis);
    const sums = emit.call('Cumsum', { x: lines }, { axis: 1, exclusive, reverse }, lines);
    return fromLines(emit, sums, axis, x!.shape);
  },
  softmax: (emit, [x]) => emit.call('Softmax', { logits: x! }, { dim: x!.shape.length - 1 }, x!),
};

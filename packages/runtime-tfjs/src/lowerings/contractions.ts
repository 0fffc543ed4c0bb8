import { matmul, reduce } from '../operations/arithmetic.js';
import { pairOf, type Lowerings } from './lowering.js';

export const contractions: Lowerings<'matmul' | 'sum' | 'reduceMax' | 'softmax'> = {
  matmul: (emit, operands, { transposeA, transposeB }) => matmul(emit, ...pairOf(operands), transposeA, transposeB),
  sum: (emit, [x], { axes, keepDims }) => reduce(emit, 'Sum', x!, axes, keepDims),
  reduceMax: (emit, [x], { axes, keepDims }) => reduce(emit, 'Max', x!, axes, keepDims),
  softmax: (emit, [x]) => emit.call('Softmax', { logits: x! }, { dim: x!.shape.length - 1 }, x!),
};

import { dataTypes } from '../graph.js';
import { direct, type Lowering } from './context.js';
import { cumsum } from './cumulative-sum.js';
import { sum } from './sums.js';

export const reductions: { readonly [P in 'sum' | 'reduceMax' | 'argMax' | 'cumsum' | 'softmax']: Lowering<P> } = {
  sum,
  // To ONNX an empty list of axes means all of them, so a reduction over none is left out.
  reduceMax: ({ operands: [x], attributes: { axes, keepDims } }, { graph, value }) =>
    axes.length === 0 ? value(x!) : graph.node('ReduceMax', [value(x!)], { axes, keepdims: keepDims ? 1 : 0 }),
  argMax: ({ operands: [x], attributes: { axis } }, { graph, value }) =>
    graph.node('Cast', [graph.node('ArgMax', [value(x!)], { axis, keepdims: 0 })], { to: dataTypes.int32 }),
  cumsum,
  softmax: direct('Softmax', () => ({ axis: -1 })),
};

import type { Tensor } from '@flowmap/tensor';
import { dataTypes } from '../graph.js';
import type { Context, Lowering } from './context.js';
import { cumsum } from './cumulative-sum.js';
import { sum, sumOfBlock } from './sums.js';

export const reductions: { readonly [P in 'sum' | 'reduceMax' | 'argMax' | 'cumsum' | 'softmax']: Lowering<P> } = {
  sum,
  // To ONNX an empty list of axes means all of them, so a reduction over none is left out.
  reduceMax: ({ operands: [x], attributes: { axes, keepDims } }, { graph, value }) =>
    axes.length === 0 ? value(x!) : graph.node('ReduceMax', [value(x!)], { axes, keepdims: keepDims ? 1 : 0 }),
  argMax: ({ operands: [x], attributes: { axis } }, { graph, value }) =>
    graph.node('Cast', [graph.node('ArgMax', [value(x!)], { axis, keepdims: 0 })], { to: dataTypes.int32 }),
  cumsum,
  softmax: (tensor, context) =>
    tensor.dtype === 'float32' && tensor.shape.at(-1)! > LONGEST_SOFTMAX
      ? longSoftmax(tensor, context)
      : context.graph.node('Softmax', [context.value(tensor.operands[0]!)], { axis: -1 }),
};

/** The operator adds exponentials one after the other: off by 2e-6 at this length, and by 6e-4 at 2^20. */
const LONGEST_SOFTMAX = 4096;

/** `exp(x - max x)` over their sum in parts. */
function longSoftmax({ operands: [x], shape }: Tensor<'softmax'>, { graph, value }: Context): string {
  const columns = shape.at(-1)!;
  const rows = x!.size / columns;
  const kept = graph.integers([...shape.slice(0, -1), 1]);
  const largest = graph.node('ReduceMax', [value(x!)], { axes: [-1], keepdims: 1 });
  const exponentials = graph.node('Exp', [graph.node('Sub', [value(x!), largest])]);
  const total = graph.node('Reshape', [sumOfBlock(exponentials, [rows, columns, 1], 'float32', graph), kept]);
  return graph.node('Div', [exponentials, total]);
}

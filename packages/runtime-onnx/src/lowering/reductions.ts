import { direct, type Lowering } from './context.js';

export const reductions: { readonly [P in 'sum' | 'reduceMax' | 'softmax']: Lowering<P> } = {
  // To ONNX an empty list of axes means all of them, so a reduction over none is left out.
  sum: ({ operands: [x], attributes: { axes, keepDims } }, { graph, value }) =>
    axes.length === 0
      ? value(x!)
      : graph.node('ReduceSum', [value(x!), graph.integers(axes)], { keepdims: keepDims ? 1 : 0 }),
  reduceMax: ({ operands: [x], attributes: { axes, keepDims } }, { graph, value }) =>
    axes.length === 0 ? value(x!) : graph.node('ReduceMax', [value(x!)], { axes, keepdims: keepDims ? 1 : 0 }),
  softmax: direct('Softmax', () => ({ axis: -1 })),
};

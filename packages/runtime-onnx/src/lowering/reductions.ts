import { isFloat, type DType, type Tensor } from '@flowmap/tensor';
import { dataTypes, type Graph } from '../graph.js';
import type { Context, Lowering } from './context.js';
import { cumsum } from './cumulative-sum.js';
import { sum, sumOfBlock } from './sums.js';

export const reductions: { readonly [P in 'sum' | 'reduceMax' | 'argMax' | 'cumsum' | 'softmax']: Lowering<P> } = {
  sum,
  reduceMax: maximum((x, dtype, graph) => graph.node('Clip', [x, graph.scalar(0, dtype), graph.scalar(0, dtype)])),
  // The first NaN if there is one. ArgMax ignores NaN, so it searches for the first 1 among ones and zeros instead.
  argMax: ({ operands: [x], attributes: { axis } }, { graph, value }) => {
    const isNaN = graph.node('Not', [graph.node('Equal', [value(x!), value(x!)])]);
    const marks = graph.node('Cast', [isNaN], { to: dataTypes[x!.dtype] });
    const any = graph.node('ReduceMax', [marks], { axes: [axis], keepdims: 1 });
    const condition = graph.node('Cast', [any], { to: dataTypes.bool });
    const compared = graph.node('Where', [condition, marks, value(x!)]);
    return graph.node('Cast', [graph.node('ArgMax', [compared], { axis, keepdims: 0 })], { to: dataTypes.int32 });
  },
  cumsum,
  softmax: (tensor, context) =>
    tensor.dtype === 'float32' && tensor.shape.at(-1)! > LONGEST_SOFTMAX
      ? longSoftmax(tensor, context)
      : context.graph.node('Softmax', [context.value(tensor.operands[0]!)], { axis: -1 }),
};

/** The operator adds exponentials one after another: off by 2e-6 at this length, and by 6e-4 at 2^20. */
const LONGEST_SOFTMAX = 4096;

/** `exp(x - max x)` divided by its sum, which is computed in parts. */
function longSoftmax({ operands: [x], shape }: Tensor<'softmax'>, { graph, value }: Context): string {
  const columns = shape.at(-1)!;
  const rows = x!.size / columns;
  const kept = graph.integers([...shape.slice(0, -1), 1]);
  const largest = graph.node('ReduceMax', [value(x!)], { axes: [-1], keepdims: 1 });
  const exponentials = graph.node('Exp', [graph.node('Sub', [value(x!), largest])]);
  const total = graph.node('Reshape', [sumOfBlock(exponentials, [rows, columns, 1], 'float32', graph), kept]);
  return graph.node('Div', [exponentials, total]);
}

/**
 * Maximum over axes that keeps NaN, which ReduceMax loses but a sum does not.
 *
 * @param zeroOrNaN gives 0 for each number, and NaN for NaN
 */
export function maximum(zeroOrNaN: (x: string, dtype: DType, graph: Graph) => string): Lowering<'reduceMax'> {
  return (tensor, { graph, value }) => {
    const { axes, keepDims } = tensor.attributes;
    const x = tensor.operands[0]!;
    if (axes.length === 0) return value(x);
    if (isFloat(x.dtype) && axes.every((axis) => x.shape[axis]! <= mostPieces)) {
      const largest = axes.reduce((part, axis) => maximumOfPieces(part, x.shape[axis]!, axis, graph), value(x));
      return graph.node('Reshape', [largest, graph.integers(tensor.shape)]);
    }
    const keepdims = keepDims ? 1 : 0;
    const largest = graph.node('ReduceMax', [value(x)], { axes, keepdims });
    if (!isFloat(x.dtype)) return largest;
    const marks = zeroOrNaN(value(x), x.dtype, graph);
    return graph.node('Add', [largest, graph.node('ReduceSum', [marks, graph.integers(axes)], { keepdims })]);
  };
}

/** Axis length up to which a maximum of slices is as fast as a reduction. */
const mostPieces = 4;

/** Maximum along an axis, which keeps extent 1; unlike a reduction, it keeps NaN. */
function maximumOfPieces(x: string, count: number, axis: number, graph: Graph): string {
  if (count === 1) return x;
  const piece = (i: number): string =>
    graph.node('Slice', [x, graph.integers([i]), graph.integers([i + 1]), graph.integers([axis])]);
  return graph.node(
    'Max',
    Array.from({ length: count }, (_, i) => piece(i)),
  );
}

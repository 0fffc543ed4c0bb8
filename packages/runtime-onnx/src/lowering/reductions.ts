import { isFloat, sizeOf, type DType, type Shape, type Tensor } from '@flowmap/tensor';
import { dataTypes, type Graph } from '../graph.js';
import { direct, type Lowering } from './context.js';

export const reductions: { readonly [P in 'sum' | 'reduceMax' | 'argMax' | 'cumsum' | 'softmax']: Lowering<P> } = {
  // To ONNX an empty list of axes means all of them, so a reduction over none is left out.
  sum: (tensor, { graph, value }) => {
    const { axes, keepDims } = tensor.attributes;
    const x = tensor.operands[0]!;
    if (axes.length === 0) return value(x);
    const block = blockOf(x, axes);
    if (block) return graph.node('Reshape', [sumOfRows(value(x), block, x.dtype, graph), graph.integers(tensor.shape)]);
    return graph.node('ReduceSum', [value(x), graph.integers(axes)], { keepdims: keepDims ? 1 : 0 });
  },
  reduceMax: ({ operands: [x], attributes: { axes, keepDims } }, { graph, value }) =>
    axes.length === 0 ? value(x!) : graph.node('ReduceMax', [value(x!)], { axes, keepdims: keepDims ? 1 : 0 }),
  argMax: ({ operands: [x], attributes: { axis } }, { graph, value }) =>
    graph.node('Cast', [graph.node('ArgMax', [value(x!)], { axis, keepdims: 0 })], { to: dataTypes.int32 }),
  cumsum: ({ operands: [x], attributes: { axis, exclusive, reverse } }, { graph, value }) =>
    graph.node('CumSum', [value(x!), graph.scalar(axis, 'int32')], {
      exclusive: exclusive ? 1 : 0,
      reverse: reverse ? 1 : 0,
    }),
  softmax: direct('Softmax', () => ({ axis: -1 })),
};

/** `[outer, rows, columns]`. */
type Block = readonly [outer: number, rows: number, columns: number];

/** The tensor as a block whose rows are summed, where the axes follow each other and rows of some length remain. */
function blockOf({ shape, dtype }: Tensor, axes: Shape): Block | undefined {
  const [first, last] = [axes[0]!, axes.at(-1)!];
  if (!isFloat(dtype) || last - first + 1 !== axes.length) return undefined;
  const columns = sizeOf(shape.slice(last + 1));
  const rows = sizeOf(shape.slice(first, last + 1));
  return rows >= 8 && columns >= 16 ? [sizeOf(shape.slice(0, first)), rows, columns] : undefined;
}

/** Rows summed by a product with ones: onnxruntime's ReduceSum is several times slower where the last axis remains. */
export function sumOfRows(x: string, [outer, rows, columns]: Block, dtype: DType, graph: Graph): string {
  const ones = graph.constant(Float64Array.of(1), { shape: [1, rows], dtype });
  if (outer === 1) return graph.node('Gemm', [ones, graph.node('Reshape', [x, graph.integers([rows, columns])])]);
  return graph.node('MatMul', [ones, graph.node('Reshape', [x, graph.integers([outer, rows, columns])])]);
}

import { isFloat, sizeOf, type DType, type Shape, type Tensor } from '@flowmap/tensor';
import { dataTypes, int64, type Graph } from '../graph.js';
import { direct, type Lowering } from './context.js';

export const reductions: { readonly [P in 'sum' | 'reduceMax' | 'argMax' | 'cumsum' | 'softmax']: Lowering<P> } = {
  // To ONNX an empty list of axes means all of them, so a reduction over none is left out.
  sum: (tensor, { graph, value }) => {
    const { axes, keepDims } = tensor.attributes;
    const x = tensor.operands[0]!;
    if (axes.length === 0) return value(x);
    const keepdims = keepDims ? 1 : 0;
    if (x.dtype === 'int32') {
      // onnxruntime stops at the largest int32; of the int64, the lower half is kept.
      const wide = graph.node('Cast', [value(x)], { to: int64 });
      return graph.node('Cast', [graph.node('ReduceSum', [wide, graph.integers(axes)], { keepdims })], {
        to: dataTypes.int32,
      });
    }
    const block = blockOf(x, axes);
    if (block) return graph.node('Reshape', [sumOfRows(value(x), block, x.dtype, graph), graph.integers(tensor.shape)]);
    return graph.node('ReduceSum', [value(x), graph.integers(axes)], { keepdims });
  },
  reduceMax: maximum((x, dtype, graph) => graph.node('Clip', [x, graph.scalar(0, dtype), graph.scalar(0, dtype)])),
  // The first NaN where there is one, which ArgMax passes over: it then looks for the first 1 among ones and zeros.
  argMax: ({ operands: [x], attributes: { axis } }, { graph, value }) => {
    const isNaN = graph.node('Not', [graph.node('Equal', [value(x!), value(x!)])]);
    const marks = graph.node('Cast', [isNaN], { to: dataTypes[x!.dtype] });
    const any = graph.node('ReduceMax', [marks], { axes: [axis], keepdims: 1 });
    const condition = graph.node('Cast', [any], { to: dataTypes.bool });
    const compared = graph.node('Where', [condition, marks, value(x!)]);
    return graph.node('Cast', [graph.node('ArgMax', [compared], { axis, keepdims: 0 })], { to: dataTypes.int32 });
  },
  cumsum: ({ operands: [x], attributes: { axis, exclusive, reverse } }, { graph, value }) =>
    graph.node('CumSum', [value(x!), graph.scalar(axis, 'int32')], {
      exclusive: exclusive ? 1 : 0,
      reverse: reverse ? 1 : 0,
    }),
  softmax: direct('Softmax', () => ({ axis: -1 })),
};

/**
 * Maximum over axes, without losing NaN, as ReduceMax does: a sum does not lose it.
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

/** Elements along an axis up to which a maximum of slices is as fast as a reduction. */
const mostPieces = 4;

/** Maximum along an axis, which keeps extent 1; unlike a reduction it keeps NaN. */
function maximumOfPieces(x: string, count: number, axis: number, graph: Graph): string {
  if (count === 1) return x;
  const piece = (i: number): string =>
    graph.node('Slice', [x, graph.integers([i]), graph.integers([i + 1]), graph.integers([axis])]);
  return graph.node(
    'Max',
    Array.from({ length: count }, (_, i) => piece(i)),
  );
}

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

import { sizeOf, type Tensor } from '@flowmap/tensor';
import { dataTypes } from '../graph.js';
import type { Context, Lowering } from './context.js';

export const indexing: { readonly [P in 'gather' | 'scatterAdd']: Lowering<P> } = {
  gather: ({ operands: [x, indices] }, { graph, value }) =>
    graph.node('Gather', [value(x!), clamped(indices!, x!.shape[0]!, { graph, value })], { axis: 0 }),
  // Every element of a row goes to its own position, so the row's index is repeated for each. onnxruntime cannot add up
  // float16 here; in float32 the sums are rounded only once, as everywhere.
  scatterAdd: ({ operands: [rows, indices], attributes: { count }, shape, dtype }, { graph, value }) => {
    const row = sizeOf(shape.slice(1));
    const places = graph.integers([indices!.size, row]);
    const column = graph.node('Reshape', [
      clamped(indices!, count, { graph, value }),
      graph.integers([indices!.size, 1]),
    ]);
    const zeros = graph.constant(Float64Array.of(0), { shape: [count, row], dtype: 'float32' });
    const isWide = dtype === 'float32';
    const addends = isWide ? value(rows!) : graph.node('Cast', [value(rows!)], { to: dataTypes.float32 });
    const inputs = [zeros, graph.node('Expand', [column, places]), graph.node('Reshape', [addends, places])];
    const sums = graph.node('ScatterElements', inputs, { axis: 0, reduction: 'add' });
    const result = isWide ? sums : graph.node('Cast', [sums], { to: dataTypes[dtype] });
    return graph.node('Reshape', [result, graph.integers(shape)]);
  },
};

/**
 * Indices clamped between 0 and the last row; onnxruntime refuses to run with larger ones, and counts negative ones
 * from the end.
 */
function clamped(indices: Tensor, rows: number, { graph, value }: Pick<Context, 'graph' | 'value'>): string {
  const inRange = (index: number): boolean => index >= 0 && index < rows;
  if (indices.is('constant') && indices.attributes.data.every(inRange)) return value(indices);
  const atLeast = graph.node('Max', [value(indices), graph.scalar(0, 'int32')]);
  return graph.node('Min', [atLeast, graph.scalar(rows - 1, 'int32')]);
}

import { sizeOf } from '@flowmap/tensor';
import { dataTypes } from '../graph.js';
import type { Lowering } from './context.js';

export const indexing: { readonly [P in 'gather' | 'scatterAdd']: Lowering<P> } = {
  gather: ({ operands: [x, indices] }, { graph, value }) =>
    graph.node('Gather', [value(x!), value(indices!)], { axis: 0 }),
  // Every element of a row goes to its own place, so the row's index is repeated for each.
  // onnxruntime cannot add up float16 here; in float32 the sums are rounded once, as everywhere.
  scatterAdd: ({ operands: [rows, indices], attributes: { count }, shape, dtype }, { graph, value }) => {
    const row = sizeOf(shape.slice(1));
    const places = graph.integers([indices!.size, row]);
    const column = graph.node('Reshape', [value(indices!), graph.integers([indices!.size, 1])]);
    const zeros = graph.constant(Float64Array.of(0), { shape: [count, row], dtype: 'float32' });
    const isWide = dtype === 'float32';
    const addends = isWide ? value(rows!) : graph.node('Cast', [value(rows!)], { to: dataTypes.float32 });
    const inputs = [zeros, graph.node('Expand', [column, places]), graph.node('Reshape', [addends, places])];
    const sums = graph.node('ScatterElements', inputs, { axis: 0, reduction: 'add' });
    const result = isWide ? sums : graph.node('Cast', [sums], { to: dataTypes[dtype] });
    return graph.node('Reshape', [result, graph.integers(shape)]);
  },
};

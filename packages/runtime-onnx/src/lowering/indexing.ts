import { sizeOf } from '@flowmap/tensor';
import type { Lowering } from './context.js';

export const indexing: { readonly [P in 'gather' | 'scatterAdd']: Lowering<P> } = {
  gather: ({ operands: [x, indices] }, { graph, value }) =>
    graph.node('Gather', [value(x!), value(indices!)], { axis: 0 }),
  // Every element of a row goes to its own place, so the row's index is repeated for each.
  scatterAdd: ({ operands: [rows, indices], attributes: { count }, shape }, { graph, value }) => {
    const row = sizeOf(shape.slice(1));
    const places = graph.integers([indices!.size, row]);
    const column = graph.node('Reshape', [value(indices!), graph.integers([indices!.size, 1])]);
    const zeros = graph.constant(Float64Array.of(0), { shape: [count, row], dtype: 'float32' });
    const inputs = [zeros, graph.node('Expand', [column, places]), graph.node('Reshape', [value(rows!), places])];
    const sums = graph.node('ScatterElements', inputs, { axis: 0, reduction: 'add' });
    return graph.node('Reshape', [sums, graph.integers(shape)]);
  },
};

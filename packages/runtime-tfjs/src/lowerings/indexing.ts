import { sizeOf } from '@flowmap/tensor';
import { reshape } from '../operations/layout.js';
import { pairOf, type Lowerings } from './lowering.js';

export const indexing: Lowerings<'gather' | 'scatterAdd'> = {
  gather: (emit, operands, _, { shape, dtype }) => {
    const [x, indices] = pairOf(operands);
    const [rows, count] = [x.shape[0]!, sizeOf(indices.shape)];
    const row = sizeOf(x.shape.slice(1));
    const inputs = { x: reshape(emit, x, [rows, row]), indices: reshape(emit, indices, [count]) };
    const gathered = emit.call('GatherV2', inputs, { axis: 0, batchDims: 0 }, { shape: [count, row], dtype });
    return reshape(emit, gathered, shape);
  },
  scatterAdd: (emit, operands, { count }, { shape, dtype }) => {
    const [rows, indices] = pairOf(operands);
    const row = sizeOf(shape.slice(1));
    const places = sizeOf(indices.shape);
    const inputs = { indices: reshape(emit, indices, [places, 1]), updates: reshape(emit, rows, [places, row]) };
    const spec = { shape: [count, row], dtype };
    return reshape(emit, emit.call('ScatterNd', inputs, { shape: spec.shape }, spec), shape);
  },
};

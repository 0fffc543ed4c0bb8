import { sizeOf, type Shape } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';
import { binary } from '../operations/arithmetic.js';
import { reshape } from '../operations/layout.js';
import { pairOf, type Lowerings } from './lowering.js';

export const indexing: Lowerings<'gather' | 'scatterAdd'> = {
  gather: (emit, operands, _, { shape, dtype }) => {
    const [x, indices] = pairOf(operands);
    const [rows, count] = [x.shape[0]!, sizeOf(indices.shape)];
    const row = sizeOf(x.shape.slice(1));
    const inputs = { x: reshape(emit, x, [rows, row]), indices: clamped(emit, indices, rows, [count]) };
    const gathered = emit.call('GatherV2', inputs, { axis: 0, batchDims: 0 }, { shape: [count, row], dtype });
    return reshape(emit, gathered, shape);
  },
  scatterAdd: (emit, operands, { count }, { shape, dtype }) => {
    const [rows, indices] = pairOf(operands);
    const row = sizeOf(shape.slice(1));
    const places = sizeOf(indices.shape);
    const inputs = { indices: clamped(emit, indices, count, [places, 1]), updates: reshape(emit, rows, [places, row]) };
    const spec = { shape: [count, row], dtype };
    return reshape(emit, emit.call('ScatterNd', inputs, { shape: spec.shape }, spec), shape);
  },
};

/** Indices in another shape, clamped between 0 and the last row: beyond that, kernels throw or read other memory. */
function clamped(emit: Emitter, indices: Value, rows: number, shape: Shape): Value {
  const limit = (value: number): Value => emit.constant({ shape: [], dtype: 'int32' }, Int32Array.of(value));
  const atLeast = binary(emit, 'Maximum', reshape(emit, indices, shape), limit(0));
  return binary(emit, 'Minimum', atLeast, limit(rows - 1));
}

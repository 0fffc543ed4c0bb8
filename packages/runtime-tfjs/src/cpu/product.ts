import { broadcastShapes } from '@flowmap/tensor';
import type { Kernel } from '../device.js';
import type { Lowering } from '../lowerings/lowering.js';
import { pairOf } from '../lowerings/lowering.js';
import { binary } from '../operations/arithmetic.js';
import { broadcast } from '../operations/layout.js';
import type { Backend, TensorInfo } from '../tfjs.js';

/** What the CPU back end offers beyond the others: its tensors are arrays. */
export interface CpuBackend extends Backend {
  readonly data: { get(dataId: object): { readonly values: Int32Array } };
}

/** A product; for integers the operands have the same shape, as {@link product} needs. */
export const productOfFullShapes: Lowering<'mul'> = (emit, operands, _, { dtype }) => {
  const [a, b] = pairOf(operands);
  if (dtype !== 'int32') return binary(emit, 'Multiply', a, b);
  const shape = broadcastShapes('mul', [a.shape, b.shape]);
  return binary(emit, 'Multiply', broadcast(emit, a, shape), broadcast(emit, b, shape));
};

/** The registered kernel multiplies integers as doubles, which lose the last digits of large products. */
export function product(backend: CpuBackend, native: Kernel): Kernel {
  return (inputs, attributes) => {
    const { a, b } = inputs as Readonly<Record<'a' | 'b', TensorInfo>>;
    if (a.dtype !== 'int32') return native(inputs, attributes);
    const [left, right] = [a, b].map(({ dataId }) => backend.data.get(dataId).values) as [Int32Array, Int32Array];
    const values = left.map((x, i) => Math.imul(x, right[i]!));
    return { dataId: backend.write(values, a.shape, 'int32'), shape: a.shape, dtype: 'int32' };
  };
}

import { sizeOf } from '@flowmap/tensor';
import type { Kernel } from '../device.js';
import { namedInputs, type Wasm } from './wasm.js';
import { sum } from './sum.js';

/**
 * Number of elements from which exponentials are added in parts: the registered kernel is off by 1e-5 at this length,
 * and by 2.5e-3 at 2^20.
 */
const longRow = 4096;

/** Softmax along the last axis; for a long row, `exp(x - max x)` divided by its sum, computed in parts. */
export function softmax(wasm: Wasm): Kernel {
  const { heap, native } = wasm;
  const [plain, largest, subtract, exponential, divide] = ['Softmax', 'Max', 'Sub', 'Exp', 'RealDiv'].map(native) as [
    Kernel,
    Kernel,
    Kernel,
    Kernel,
    Kernel,
  ];
  const total = sum(wasm);
  return (inputs, attributes) => {
    const { logits } = namedInputs<'logits'>(inputs);
    const count = logits.shape.at(-1)!;
    if (count <= longRow) return plain(inputs, attributes);
    const rows = sizeOf(logits.shape) / count;
    const x = { ...logits, shape: [rows, count] };
    const column = { reductionIndices: [1], keepDims: false };
    const shift = largest({ x }, column);
    const shifted = subtract({ a: x, b: { ...shift, shape: [rows, 1] } }, {});
    const exponentials = exponential({ x: shifted }, {});
    const sums = total({ x: { ...exponentials, shape: [rows, count, 1] } }, { axis: [1], keepDims: false });
    const result = divide({ a: exponentials, b: { ...sums, shape: [rows, 1] } }, {});
    for (const info of [shift, shifted, exponentials, sums]) heap.release(info);
    return { ...result, shape: logits.shape };
  };
}

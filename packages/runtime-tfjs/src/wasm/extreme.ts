import { sizeOf } from '@flowmap/tensor';
import type { Kernel } from '../device.js';
import { namedInputs, type Wasm } from './wasm.js';

/** Maximum or minimum. If the second operand is NaN, the registered kernel returns the first. */
export function extreme({ heap, native }: Wasm, name: 'Maximum' | 'Minimum'): Kernel {
  const [compare, add] = [native(name), native('Add')];
  return (inputs, attributes) => {
    const { a, b } = namedInputs<'a' | 'b'>(inputs);
    if (a.dtype !== 'float32') return compare(inputs, attributes);
    const [first, second] = sizeOf(a.shape) < sizeOf(b.shape) ? [b, a] : [a, b];
    const result = compare({ a: first, b: second }, attributes);
    if (!hasNaN(heap.view(second))) return result;
    const zeroOrNaN = heap.allocate(second.shape);
    heap.view(zeroOrNaN).set(heap.view(second).map((x) => (Number.isNaN(x) ? NaN : 0)));
    const mended = add({ a: result, b: zeroOrNaN }, {});
    heap.release(result);
    heap.release(zeroOrNaN);
    return mended;
  };
}

function hasNaN(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i]!)) return true;
  return false;
}

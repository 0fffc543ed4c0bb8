import { stridesOf } from '@flowmap/tensor';
import type { Kernel } from '../device.js';
import { namedInputs, type Wasm } from './wasm.js';

/** Number of elements from which a block copy costs less than a loop. */
const longRow = 48;

/** A box of elements. The registered kernel copies the whole tensor out of the heap before it takes a part. */
export function slice({ heap }: Wasm): Kernel {
  return (inputs, attributes) => {
    const { x } = namedInputs<'x'>(inputs);
    const { begin, size } = attributes as { begin: readonly number[]; size: readonly number[] };
    const result = heap.allocate(size, x.dtype);
    const [from, to] = [heap.view(x), heap.view(result)];
    const strides = stridesOf(x.shape);
    const last = size.length - 1;
    const row = size[last]!;
    let at = 0;
    const copy = (axis: number, offset: number): void => {
      if (axis < last) {
        for (let i = 0; i < size[axis]!; i++) copy(axis + 1, offset + (begin[axis]! + i) * strides[axis]!);
        return;
      }
      const first = offset + begin[last]!;
      if (row >= longRow) to.set(from.subarray(first, first + row), at);
      else for (let i = 0; i < row; i++) to[at + i] = from[first + i]!;
      at += row;
    };
    copy(0, 0);
    return result;
  };
}

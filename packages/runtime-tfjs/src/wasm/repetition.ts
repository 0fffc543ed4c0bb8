import type { Kernel } from '../device.js';
import { namedInputs, type Wasm } from './wasm.js';

/**
 * `[outer, 1, inner]` repeated along its middle axis. The registered kernel takes hundreds of nanoseconds per element.
 */
export function tile({ heap }: Wasm): Kernel {
  return (inputs, attributes) => {
    const { x } = namedInputs<'x'>(inputs);
    const [outer, , inner] = x.shape as [number, number, number];
    const count = (attributes['reps'] as readonly number[])[1]!;
    const result = heap.allocate([outer, count, inner], x.dtype);
    const [from, to] = [heap.view(x), heap.view(result)];
    let at = 0;
    for (let i = 0; i < outer; i++) {
      for (let j = 0; j < count; j++) {
        for (let k = 0; k < inner; k++) to[at++] = from[i * inner + k]!;
      }
    }
    return result;
  };
}

/** `[outer, rows, inner]` with its rows in reverse order. The registered kernel slowly moves single elements. */
export function reverse({ heap }: Wasm): Kernel {
  return (inputs) => {
    const { x } = namedInputs<'x'>(inputs);
    const [outer, rows, inner] = x.shape as [number, number, number];
    const result = heap.allocate([outer, rows, inner], x.dtype);
    const [from, to] = [heap.view(x), heap.view(result)];
    for (let i = 0; i < outer; i++) {
      for (let row = 0; row < rows; row++) {
        const start = (i * rows + row) * inner;
        to.set(from.subarray(start, start + inner), ((i + 1) * rows - 1 - row) * inner);
      }
    }
    return result;
  };
}

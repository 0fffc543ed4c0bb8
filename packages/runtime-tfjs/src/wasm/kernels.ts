import type { Kernel } from '../device.js';
import type { TensorInfo } from '../tfjs.js';
import { batchMatMul } from './batch-mat-mul.js';
import { extreme } from './extreme.js';
import type { Heap } from './heap.js';
import { reverse, tile } from './repetition.js';
import { slice } from './slice.js';
import { softmax } from './softmax.js';
import { sum } from './sum.js';

/** What the kernels of this folder are made of. */
export interface Wasm {
  readonly heap: Heap;
  /** The kernels that TensorFlow.js registers for wasm. */
  readonly native: (name: string) => Kernel;
}

/**
 * Kernels of the wasm back end that are replaced: the registered ones are wrong, or slower by an order of magnitude, for
 * what the lowering rules ask of them.
 */
export function wasmKernels(wasm: Wasm): Readonly<Record<string, Kernel>> {
  return {
    BatchMatMul: batchMatMul(wasm),
    Maximum: extreme(wasm, 'Maximum'),
    Minimum: extreme(wasm, 'Minimum'),
    Reverse: reverse(wasm),
    Slice: slice(wasm),
    Softmax: softmax(wasm),
    Sum: sum(wasm),
    Tile: tile(wasm),
  };
}

/** The inputs of a kernel that takes them by name. */
export function namedInputs<K extends string>(inputs: Parameters<Kernel>[0]): Readonly<Record<K, TensorInfo>> {
  return inputs as Readonly<Record<K, TensorInfo>>;
}

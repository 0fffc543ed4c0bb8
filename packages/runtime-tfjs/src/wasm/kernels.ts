import type { Kernel } from '../device.js';
import type { Backend, TensorInfo } from '../tfjs.js';
import { batchMatMul } from './batch-mat-mul.js';
import { reverse, tile } from './repetition.js';
import { slice } from './slice.js';
import { sum } from './sum.js';

/** What the wasm back end offers beyond the others: its kernels' inputs and outputs are arrays on one heap. */
export interface WasmBackend extends Backend {
  /** Allocates a result. Growing the heap detaches every array taken from it before. */
  makeOutput(shape: number[], dtype: string): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Float32Array | Int32Array | Uint8Array;
}

/** A wasm back end with its registered kernels. */
export interface Wasm {
  readonly backend: WasmBackend;
  readonly native: (name: string) => Kernel;
}

/**
 * Kernels of the wasm back end that are replaced: the registered ones are wrong or slower by an order of magnitude for
 * what the lowering rules ask of them.
 */
export function wasmKernels(backend: WasmBackend, native: (name: string) => Kernel): Readonly<Record<string, Kernel>> {
  const wasm = { backend, native };
  return {
    BatchMatMul: batchMatMul(wasm),
    Reverse: reverse(wasm),
    Slice: slice(wasm),
    Sum: sum(wasm),
    Tile: tile(wasm),
  };
}

/** The inputs of a kernel that takes them by name. */
export function namedInputs<K extends string>(inputs: Parameters<Kernel>[0]): Readonly<Record<K, TensorInfo>> {
  return inputs as Readonly<Record<K, TensorInfo>>;
}

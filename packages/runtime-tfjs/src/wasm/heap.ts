import { sizeOf, type TensorSpec } from '@flowmap/tensor';
import { WasmMemoryError } from '../errors.js';
import type { Backend, TensorInfo } from '../tfjs.js';

/** What the wasm back end offers beyond the others: its tensors are arrays on one heap. */
export interface WasmBackend extends Backend {
  makeOutput(shape: number[], dtype: string): TensorInfo;
  getMemoryOffset(dataId: object): number;
  typedArrayFromHeap(info: TensorInfo): Float32Array | Int32Array | Uint8Array;
}

/** The memory of a wasm back end. */
export interface Heap {
  /**
   * Memory for a tensor, not cleared. Growing the heap detaches every array taken from it before.
   *
   * @throws {WasmMemoryError} when there is not enough
   */
  allocate(shape: readonly number[], dtype?: string): TensorInfo;
  release(info: TensorInfo): void;
  /** The elements, until the next allocation. */
  view(info: TensorInfo): Float32Array | Int32Array | Uint8Array;
  /** @throws {WasmMemoryError} when there is not enough memory for such a tensor */
  requireMemory(spec: TensorSpec): void;
}

/** Number of elements from which a tensor is checked for fitting into memory. */
const large = 2 ** 18;

export function heapOf(backend: WasmBackend): Heap {
  const release = (info: TensorInfo): void => void backend.disposeData(info.dataId);
  const allocate = (shape: readonly number[], dtype = 'float32'): TensorInfo => {
    const info = backend.makeOutput([...shape], dtype);
    // The back end does not check: a failed allocation gives a tensor at address 0 that overwrites whatever is there.
    if (backend.getMemoryOffset(info.dataId) !== 0) return info;
    release(info);
    throw new WasmMemoryError(sizeOf(shape) * (dtype === 'bool' ? 1 : 4));
  };
  return {
    allocate,
    release,
    view: (info) => backend.typedArrayFromHeap(info),
    requireMemory({ shape, dtype }) {
      if (sizeOf(shape) >= large) release(allocate(shape, dtype));
    },
  };
}

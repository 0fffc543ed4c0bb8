import type { Kernel } from '../device.js';
import type { TensorInfo } from '../tfjs.js';
import type { Heap } from './heap.js';

/** What the kernels in this folder use. */
export interface Wasm {
  readonly heap: Heap;
  /** The kernels that TensorFlow.js registers for wasm. */
  readonly native: (name: string) => Kernel;
}

/** The inputs of a kernel that takes them by name. */
export function namedInputs<K extends string>(inputs: Parameters<Kernel>[0]): Readonly<Record<K, TensorInfo>> {
  return inputs as Readonly<Record<K, TensorInfo>>;
}

import type { HostTensor, TensorSpec } from '@flowmap/tensor';
import type { Attributes, KernelInputs, TensorInfo } from './tfjs.js';

/** A kernel of a back end, called without TensorFlow.js's engine: no gradient tape, scopes or active back end. */
export type Kernel = (inputs: KernelInputs, attributes: Attributes) => TensorInfo;

/**
 * A TensorFlow.js back end: its kernels and its memory. Buffers are reference-counted and released by the last owner.
 */
export interface Device {
  readonly name: string;
  /**
   * A kernel for results of the given shape and dtype.
   *
   * @throws {UnsupportedError} when the back end has no kernel of this name
   */
  kernel(name: string, result: TensorSpec): Kernel;
  /** Kernels and uploads throw a {@link WasmMemoryError} when memory runs out. */
  upload(tensor: HostTensor): TensorInfo;
  download(info: TensorInfo, spec: TensorSpec): Promise<HostTensor>;
  /** Adds an owner. */
  retain(info: TensorInfo): TensorInfo;
  /** Removes an owner. */
  release(info: TensorInfo): void;
  /** Throws a {@link RuntimeUnavailableError} if the device was lost, or refused what it was given. */
  check(doing: string): void;
}

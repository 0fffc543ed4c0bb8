import type { HostTensor, TensorSpec } from '@flowmap/tensor';
import type { Attributes, KernelInputs, TensorInfo } from './tfjs.js';

/** A kernel of a back end, called without TensorFlow.js's engine: no gradient tape, no scopes, no active back end. */
export type Kernel = (inputs: KernelInputs, attributes: Attributes) => TensorInfo;

/** A back end of TensorFlow.js: its kernels and its memory. Buffers are counted references, released by the last owner. */
export interface Device {
  readonly name: string;
  /**
   * A kernel that will be called for results of the given shape and dtype.
   *
   * @throws {UnsupportedError} when the back end has no kernel of this name
   */
  kernel(name: string, result: TensorSpec): Kernel;
  /** Kernels and uploads throw a {@link WasmMemoryError} where there is no room. */
  upload(tensor: HostTensor): TensorInfo;
  download(info: TensorInfo, spec: TensorSpec): Promise<HostTensor>;
  /** Adds an owner. */
  retain(info: TensorInfo): TensorInfo;
  /** Removes an owner. */
  release(info: TensorInfo): void;
  /** Throws a {@link RuntimeUnavailableError} where the device was lost, or refused what it was given. */
  check(doing: string): void;
}

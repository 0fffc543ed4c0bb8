import { DisposedError, type DeviceTensor, type DType, type HostTensor, type Shape } from '@flowmap/tensor';
import type { Device } from './device.js';
import type { TensorInfo } from './tfjs.js';

/** A result of a run, in the memory of its back end. */
export class TfjsTensor implements DeviceTensor {
  readonly #label: string;
  #info: TensorInfo | undefined;

  constructor(
    readonly device: Device,
    info: TensorInfo,
    readonly shape: Shape,
    readonly dtype: DType,
    /** What it is, for messages. */
    label: string,
  ) {
    this.#info = info;
    this.#label = label;
  }

  /** @throws {DisposedError} after `dispose` */
  get info(): TensorInfo {
    if (this.#info === undefined) throw new DisposedError(this.#label);
    return this.#info;
  }

  async read(): Promise<HostTensor> {
    return this.device.download(this.info, this);
  }

  dispose(): void {
    if (this.#info !== undefined) this.device.release(this.#info);
    this.#info = undefined;
  }
}

import { DisposedError, type DeviceTensor, type DType, type HostTensor, type Shape } from '@flowmap/tensor';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import type { Memory } from './memory.js';

/** An onnxruntime tensor, wherever the execution provider keeps it. */
export class OnnxTensor implements DeviceTensor {
  readonly dispose: () => void;

  constructor(
    private readonly tensor: OrtTensor,
    private readonly memory: Memory,
    readonly shape: Shape,
    readonly dtype: DType,
    /** What it is, for messages. */
    private readonly label: string,
    /** Called once after the tensor was released. */
    released?: () => void,
  ) {
    this.dispose = releaseOf(tensor, released);
    memory.forgotten?.register(this, this.dispose);
  }

  /** @throws {DisposedError} after `dispose` */
  get ort(): OrtTensor {
    if (this.tensor.location === 'none') throw new DisposedError(this.label);
    return this.tensor;
  }

  async read(): Promise<HostTensor> {
    return { shape: this.shape, dtype: this.dtype, data: await this.memory.read(this.ort) };
  }
}

/** Releases a tensor once. It does not refer to the holder, which otherwise could never be garbage-collected. */
function releaseOf(tensor: OrtTensor, released?: () => void): () => void {
  return () => {
    if (tensor.location === 'none') return;
    tensor.dispose();
    released?.();
  };
}

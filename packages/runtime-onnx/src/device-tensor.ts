import {
  DisposedError,
  type DeviceTensor,
  type DType,
  type HostData,
  type HostTensor,
  type Shape,
} from '@flowmap/tensor';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import type { Ort } from './load-ort.js';

/** A tensor of onnxruntime, wherever the execution provider keeps it. */
export class OnnxTensor implements DeviceTensor {
  constructor(
    private readonly tensor: OrtTensor,
    readonly shape: Shape,
    readonly dtype: DType,
    /** What it is, for messages. */
    private readonly what: string,
  ) {}

  /** @throws {DisposedError} after `dispose` */
  get ort(): OrtTensor {
    if (this.tensor.location === 'none') throw new DisposedError(this.what);
    return this.tensor;
  }

  async read(): Promise<HostTensor> {
    return { shape: this.shape, dtype: this.dtype, data: await copyFromOrt(this.ort) };
  }

  dispose(): void {
    this.tensor.dispose();
  }
}

/** A host tensor as onnxruntime takes it, without a copy where the array already has the right type. */
export function toOrt(ort: Ort, { shape, dtype, data }: HostTensor): OrtTensor {
  const dims = [...shape];
  switch (dtype) {
    case 'float32':
      return new ort.Tensor('float32', data instanceof Float32Array ? data : Float32Array.from(data), dims);
    case 'int32':
      return new ort.Tensor('int32', data as Int32Array, dims);
    case 'bool':
      return new ort.Tensor('bool', data as Uint8Array, dims);
  }
}

/** A copy of a host tensor as onnxruntime takes it: what happens to the caller's array later does not matter. */
export function copyToOrt(ort: Ort, tensor: HostTensor): OrtTensor {
  const data = tensor.data instanceof Float64Array ? tensor.data : tensor.data.slice();
  return toOrt(ort, { ...tensor, data });
}

/** The values of a tensor of onnxruntime, in memory of the caller's own. */
export async function copyFromOrt(tensor: OrtTensor): Promise<HostData> {
  return ((await tensor.getData()) as HostData).slice();
}

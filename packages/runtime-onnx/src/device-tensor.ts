import { FlowmapError, type DeviceTensor, type DType, type HostData, type HostTensor, type Shape } from '@flowmap/tensor';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import type { Ort } from './load-ort.js';

/** A tensor of onnxruntime, wherever the execution provider keeps it. */
export class OnnxTensor implements DeviceTensor {
  constructor(
    readonly ort: OrtTensor,
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}

  async read(): Promise<HostTensor> {
    if (this.ort.location === 'none') throw new FlowmapError('a tensor was read after it had been disposed of');
    const data = (await this.ort.getData()) as HostData;
    return { shape: this.shape, dtype: this.dtype, data: data.slice() };
  }

  dispose(): void {
    this.ort.dispose();
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

import { halfFromBits, halfToBits, roundTo, type HostData, type HostTensor } from '@flowmap/tensor';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import type { Ort } from './load-ort.js';

/** Where a runtime keeps tensors between runs, and how values are transferred. */
export interface Memory {
  /** Where onnxruntime leaves the results of a run. */
  readonly location: 'cpu' | 'gpu-buffer';
  /** A copy of a host tensor in this memory, unaffected by later changes to the caller's array. */
  write(tensor: HostTensor): OrtTensor | Promise<OrtTensor>;
  /** The values of a tensor in this memory, in host memory owned by the caller. The tensor stays where it is. */
  read(tensor: OrtTensor): Promise<HostData>;
  /** Releases results whose holders were garbage-collected; present if nothing else would release them. */
  readonly forgotten?: FinalizationRegistry<() => void>;
  /** Called after every run if runs may get ahead of the device: waits for it now and then. */
  readonly afterRun?: () => Promise<void>;
}

/** A host tensor in onnxruntime's form, without a copy if the array already has the right type. */
export function toOrt(ort: Ort, { shape, dtype, data }: HostTensor): OrtTensor {
  const dims = [...shape];
  switch (dtype) {
    case 'float32':
      return new ort.Tensor('float32', data instanceof Float32Array ? data : Float32Array.from(data), dims);
    case 'float16':
      return new ort.Tensor('float16', halfToBits(data, 'float16'), dims);
    case 'bfloat16':
      // Programs take it as float32.
      return new ort.Tensor(
        'float32',
        Float32Array.from(data, (value) => roundTo(value, 'bfloat16')),
        dims,
      );
    case 'int32':
      return new ort.Tensor('int32', data as Int32Array, dims);
    case 'bool':
      return new ort.Tensor('bool', data as Uint8Array, dims);
  }
}

/** Keeps tensors in host memory. */
export function hostMemory(ort: Ort): Memory {
  return {
    location: 'cpu',
    write(tensor) {
      const data = tensor.data instanceof Float64Array ? tensor.data : tensor.data.slice();
      return toOrt(ort, { ...tensor, data });
    },
    async read(tensor) {
      return hostDataOf(tensor.type, await tensor.getData());
    },
  };
}

/** A copy of a tensor's values; float16 values as numbers, whether or not JavaScript has an array type for them. */
export function hostDataOf(type: OrtTensor.Type, data: OrtTensor.DataType): HostData {
  if (type !== 'float16') return (data as HostData).slice();
  const { buffer, byteOffset, length } = data as Uint16Array;
  return halfFromBits(new Uint16Array(buffer, byteOffset, length), 'float16');
}

import { UnsupportedError, type DType, type HostData } from '@flowmap/tensor';
import { product, type CpuBackend } from './cpu/product.js';
import type { Device, Kernel } from './device.js';
import { deviceFailure } from './device-failure.js';
import { healthOf } from './gpu/health.js';
import { webgpuKernels } from './gpu/webgpu-kernels.js';
import type { NativeBackend } from './native/binding.js';
import { nativeKernels } from './native/kernels.js';
import type { Backend, TensorInfo, Tfjs } from './tfjs.js';
import { heapOf, type WasmBackend } from './wasm/heap.js';
import { wasmKernels } from './wasm/kernels.js';

/** A back end with replacements for its kernels that are wrong or slow. */
export function openDevice(tf: Tfjs, backend: Backend, backendName: string): Device {
  const name = `tfjs (${backendName})`;
  const registered = (kernelName: string): Kernel => {
    const config = tf.getKernel(kernelName, backendName);
    if (config === undefined) {
      throw new UnsupportedError(name, `the kernel ${kernelName}`, 'use another back end of TensorFlow.js');
    }
    return (inputs, attrs) => config.kernelFunc({ inputs, attrs, backend }) as TensorInfo;
  };
  const heap = backendName === 'wasm' ? heapOf(backend as WasmBackend) : undefined;
  const own = (): Readonly<Record<string, Kernel>> => {
    if (heap !== undefined) return wasmKernels({ heap, native: registered });
    if (backendName === 'cpu') return { Multiply: product(backend as CpuBackend, registered('Multiply')) };
    if (backendName === 'webgpu') return webgpuKernels(backend, registered);
    return backendName === 'tensorflow' ? nativeKernels(backend as NativeBackend) : {};
  };
  const better = own();
  const health = healthOf(backend, backendName);
  const check = (doing: string): void => {
    const failure = health();
    if (failure !== undefined) throw deviceFailure(name, doing, new Error(failure));
  };
  return {
    name,
    check,
    kernel(kernelName, result) {
      const kernel = better[kernelName] ?? registered(kernelName);
      return (inputs, attributes) => {
        heap?.requireMemory(result);
        return kernel(inputs, attributes);
      };
    },
    upload({ shape, dtype, data }) {
      heap?.requireMemory({ shape, dtype });
      // Back ends may keep the array they are given, so it is always a new one.
      return { dataId: backend.write(copyAs(dtype, data), [...shape], dtype), shape: [...shape], dtype };
    },
    async download(info, { shape, dtype }) {
      // The values that a back end returns may be its own memory.
      const values = (await backend.read(info.dataId)) as HostData;
      check('reading a tensor');
      return { shape, dtype, data: copyAs(dtype, values) };
    },
    retain(info) {
      backend.incRef(info.dataId);
      return info;
    },
    release(info) {
      backend.disposeData(info.dataId);
    },
  };
}

function copyAs(dtype: DType, data: HostData): Float32Array | Int32Array | Uint8Array {
  if (dtype === 'int32') return new Int32Array(data);
  return dtype === 'bool' ? new Uint8Array(data) : new Float32Array(data);
}

// The page in which runtimes are measured: see measure.ts.
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import type { Runtime } from '@flowmap/tensor';
import { env } from '@tensorflow/tfjs-core';
// Imported by its file, since the package's entry for tests needs vitest.
import { measureRuntime } from '../../packages/tensor/src/testing/measure-runtime.js';
import { compareSpecialValues } from '../../packages/tensor/src/testing/special/compare.js';
import type { BrowserRuntime, MeasuringPage } from './runtimes.js';

const runtimes: Readonly<Record<BrowserRuntime, () => Promise<Runtime>>> = {
  'onnx (cpu)': () => onnxRuntime({ device: 'cpu', wasmPaths: '/onnxruntime/' }),
  'onnx (webgpu)': () => onnxRuntime({ device: 'webgpu', wasmPaths: '/onnxruntime/' }),
  'tfjs (wasm)': () => tfjsRuntime({ backend: 'wasm', wasmPaths: '/tfjs-wasm/' }),
  'tfjs (webgl)': () => onGpuAlone('webgl'),
  'tfjs (webgpu)': () => onGpuAlone('webgpu'),
};

/** TensorFlow.js on a GPU, kept from computing small tensors on the CPU. */
async function onGpuAlone(backend: 'webgl' | 'webgpu'): Promise<Runtime> {
  const runtime = await tfjsRuntime({ backend });
  env().set(`${backend.toUpperCase()}_CPU_FORWARD`, false);
  return runtime;
}

const page: MeasuringPage = {
  async measure(name) {
    const [runtime, oracle] = [await runtimes[name](), referenceRuntime()];
    return { rows: await measureRuntime(runtime, oracle), special: await compareSpecialValues(runtime, oracle) };
  },
};
Object.assign(globalThis, page);

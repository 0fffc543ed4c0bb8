// The page that runtimes are measured in: see measure.ts.
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { tfjsRuntime } from '@flowmap/runtime-tfjs';
import type { Runtime } from '@flowmap/tensor';
// By its file: the package's entry for tests is for vitest.
import { measureRuntime, type Exactness } from '../../packages/tensor/src/testing/measure-runtime.js';

/** What the page offers to whoever drives it. */
export interface MeasuringPage {
  measure(runtime: string): Promise<readonly Exactness[]>;
}

const runtimes: Readonly<Record<string, () => Promise<Runtime>>> = {
  'onnx (cpu)': () => onnxRuntime({ device: 'cpu', wasmPaths: '/onnxruntime/' }),
  'onnx (webgpu)': () => onnxRuntime({ device: 'webgpu', wasmPaths: '/onnxruntime/' }),
  'tfjs (wasm)': () => tfjsRuntime({ backend: 'wasm', wasmPaths: '/tfjs-wasm/' }),
  'tfjs (webgl)': () => tfjsRuntime({ backend: 'webgl' }),
  'tfjs (webgpu)': () => tfjsRuntime({ backend: 'webgpu' }),
};

const page: MeasuringPage = {
  async measure(name) {
    const open = runtimes[name];
    if (open === undefined) throw new RangeError(`no runtime '${name}'; there are ${Object.keys(runtimes).join(', ')}`);
    return measureRuntime(await open(), referenceRuntime());
  },
};
Object.assign(globalThis, page);

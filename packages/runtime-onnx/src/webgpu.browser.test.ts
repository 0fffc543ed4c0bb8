import { referenceRuntime } from '@flowmap/runtime-reference';
import { describeRuntime } from '@flowmap/tensor/testing';
import { onnxRuntime } from './onnx-runtime.js';

describeRuntime('onnx runtime on WebGPU in a browser', () => onnxRuntime({ device: 'webgpu' }), {
  oracle: referenceRuntime,
});

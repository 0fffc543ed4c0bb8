import { referenceRuntime } from '@flowmap/runtime-reference';
import { describeRuntime } from '@flowmap/tensor/testing';
import { onnxRuntime } from './onnx-runtime.js';

describeRuntime('onnx runtime in a browser', () => onnxRuntime({ device: 'cpu', threads: 2 }), {
  oracle: referenceRuntime,
});

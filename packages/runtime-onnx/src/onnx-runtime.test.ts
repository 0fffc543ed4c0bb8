import { referenceRuntime } from '@flowmap/runtime-reference';
import { describeRuntime } from '@flowmap/tensor/testing';
import { onnxRuntime } from './onnx-runtime.js';

describeRuntime('onnx runtime', () => onnxRuntime({ threads: 1 }), { oracle: referenceRuntime });

export type { Device } from './devices.js';
export { onnxRuntime, type OnnxRuntimeOptions } from './onnx-runtime.js';
export { toOnnx } from './to-onnx.js';

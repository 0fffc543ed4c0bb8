export type { Device } from './device.js';
export { onnxRuntime, type OnnxRuntimeOptions } from './onnx-runtime.js';
export { toOnnx } from './to-onnx.js';

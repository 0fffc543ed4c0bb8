export type { Device } from './devices.js';
export { exportOnnx, type ExportedOnnx, type ExportOnnxOptions } from './export/export-onnx.js';
export type { OnnxDataFile } from './export/external-data.js';
export type { Precision } from './export/weights.js';
export { onnxRuntime, type OnnxRuntimeOptions } from './onnx-runtime.js';
export { OnnxModelError } from './onnx-model-error.js';
export { openOnnx, type OnnxModel, type OnnxValue, type OpenOnnxOptions } from './open-onnx.js';
export { toOnnx } from './to-onnx.js';

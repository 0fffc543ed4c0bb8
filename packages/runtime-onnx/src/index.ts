export type { Device } from './devices.js';
export type { ExportedOnnx, StorageOptions } from './export/assemble.js';
export { exportNetwork, type ExportNetworkOptions } from './export/export-network.js';
export { exportOnnx, type ExportOnnxOptions } from './export/export-onnx.js';
export type { OnnxDataFile } from './export/external-data.js';
export type { Precision } from './export/weights.js';
export { importOnnx, type ImportedOnnx, type ImportOnnxOptions } from './import/import-onnx.js';
export { OnnxImportError, type Place } from './import/import-error.js';
export {
  importedModel,
  importedVelocity,
  registerImportedNetworks,
  type ImportedModelOptions,
  type ImportedVelocityOptions,
} from './import/imported-model.js';
export type { ImportedNoise, ImportedPrediction } from './import/prediction.js';
export { importedPredictor, type ImportMapping } from './import/mapping.js';
export { onnxRuntime, type OnnxRuntimeOptions } from './onnx-runtime.js';
export { OnnxModelError } from './onnx-model-error.js';
export { openOnnx, type OnnxModel, type OnnxValue, type OpenOnnxOptions } from './open-onnx.js';
export { toOnnx } from './to-onnx.js';

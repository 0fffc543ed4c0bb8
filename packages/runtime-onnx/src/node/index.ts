export type { Device } from '../devices.js';
export type { System } from '../system.js';
export { diagnose, type Diagnosis } from './diagnose.js';
export { formatDiagnosis } from './format-diagnosis.js';
export type { ProbeProgram } from './probe-in-child.js';
export { probe, type Probe } from './probe.js';
export { runCli } from './run-cli.js';
export { saveDiffusers, saveTransformersJs } from './save-folders.js';
export { saveOnnx, type SavedOnnx } from './save-onnx.js';

export { WasmMemoryError } from './errors.js';
export { tfjsRuntime, type TfjsOptions } from './runtime.js';
export type { WasmPaths } from './load.js';
export type { Attributes, Backend, KernelConfig, KernelInputs, TensorInfo, Tfjs } from './tfjs.js';

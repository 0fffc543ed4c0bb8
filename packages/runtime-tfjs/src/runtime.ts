import { unroll, type Runtime } from '@flowmap/tensor';
import { deviceOf } from './device.js';
import { executable, promised } from './executable.js';
import { importTfjs, openBackend, type WasmPaths } from './load.js';
import { planOf } from './plan.js';
import type { Tfjs } from './tfjs.js';

/** Which back end of TensorFlow.js runs the programs. */
export interface TfjsOptions {
  /** `wasm` unless given, or `cpu`, imported on demand. With `tf`, any back end registered there; its active one unless given. */
  readonly backend?: string;
  /** A module of TensorFlow.js that is already loaded, with its back ends; nothing is imported then. */
  readonly tf?: Tfjs;
  /**
   * Where the wasm binaries are: a folder's URL or path with its final slash, or one per file. Node finds them by itself;
   * in a browser they lie beside the bundle unless given. Only for the `wasm` back end that this call imports.
   */
  readonly wasmPaths?: WasmPaths;
}

/**
 * Runs programs on TensorFlow.js, in float32, node by node. The derivatives are in the programs: TensorFlow.js's own
 * gradients are not used, nor its active back end, so that several runtimes and the caller's own use of it can coexist.
 * On wasm, compiling, writing state and running reject with a {@link WasmMemoryError} where its 4 GiB do not suffice.
 *
 * @throws {RuntimeUnavailableError} when the packages are not installed, the back end is unknown, or does not initialize
 *
 * @example
 * const runtime = await tfjsRuntime({ backend: 'wasm' });
 */
export async function tfjsRuntime(options: TfjsOptions = {}): Promise<Runtime> {
  const name = options.backend ?? options.tf?.getBackend() ?? 'wasm';
  const tf = options.tf ?? (await importTfjs(name, options.wasmPaths));
  const device = deviceOf(tf, await openBackend(tf, name), name);
  return {
    name: device.name,
    precision: 'float32',
    compile: (program, { stepsPerRun = 1 } = {}) =>
      promised(() => {
        const run = unroll(program, stepsPerRun);
        return executable(device, run, planOf(device, run));
      }),
  };
}

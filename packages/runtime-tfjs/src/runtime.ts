import {
  checkDTypes,
  ConfigError,
  guarded,
  requireKnownOptions,
  unroll,
  type DType,
  type Runtime,
} from '@flowmap/tensor';
import { compiled, stateMemory } from './executable.js';
import { factsOf } from './facts.js';
import { requireFloat32 } from './gpu/health.js';
import { importTfjs, openBackend, type WasmPaths } from './load.js';
import { rulesFor } from './lowerings/table.js';
import { openDevice } from './open-device.js';
import { planOf } from './plan.js';
import type { Tfjs } from './tfjs.js';

/** Options of {@link tfjsRuntime}: the TensorFlow.js back end that runs programs. */
export interface TfjsOptions {
  /**
   * `wasm` unless given, `cpu`, or `tensorflow` for the native library, imported on demand. With `tf`, any back end
   * registered there; its active one unless given.
   */
  readonly backend?: string;
  /** An already loaded TensorFlow.js module with its back ends; nothing is imported then. */
  readonly tf?: Tfjs;
  /**
   * Location of the wasm binaries: a folder's URL or path with a final slash, or one per file. Node finds them by
   * itself; in a browser they are beside the bundle unless given. Only for the `wasm` back end that this call imports.
   */
  readonly wasmPaths?: WasmPaths;
  /**
   * Folder of the package `@tensorflow/tfjs-node` or `-node-gpu`, as an absolute path, if the program has not installed
   * it. Only for the back end `tensorflow`, which is then the default.
   */
  readonly tfjsNode?: string;
}

/** TensorFlow.js has no floats of two bytes. */
const dtypes: readonly DType[] = ['float32', 'int32', 'bool'];

/**
 * Runs programs on TensorFlow.js, in float32, node by node. The derivatives are in the programs: TensorFlow.js's own
 * gradients are not used, nor is its active back end, so several runtimes and the caller's own use of it can coexist.
 * On wasm, compiling, writing state and running reject with a {@link WasmMemoryError} if its 4 GiB do not suffice.
 *
 * @throws {ConfigError} for an unknown option, and for one that has no effect with the back end
 * @throws {RuntimeUnavailableError} when the packages are not installed, the back end is unknown, or does not
 *   initialize
 *
 * @example
 * const runtime = await tfjsRuntime({ backend: 'wasm' });
 */
export async function tfjsRuntime(options: TfjsOptions = {}): Promise<Runtime> {
  requireKnownOptions('tfjsRuntime', options, { backend: true, tf: true, wasmPaths: true, tfjsNode: true });
  const { wasmPaths, tfjsNode } = options;
  const name = options.backend ?? options.tf?.getBackend() ?? (tfjsNode === undefined ? 'wasm' : 'tensorflow');
  requireEffect(name, options);
  const tf = options.tf ?? (await importTfjs(name, { wasmPaths, tfjsNode }));
  const backend = await openBackend(tf, name);
  requireFloat32(tf, name);
  const device = openDevice(tf, backend, name);
  const rules = rulesFor(name);
  const traits = { name: device.name, precision: 'float32', dtypes } as const;
  const executable = guarded(stateMemory(device));
  return {
    ...traits,
    facts: factsOf(tf, backend, name),
    async compile(program, given = {}) {
      requireKnownOptions('compile', given, { stepsPerRun: true, sharing: true });
      const { stepsPerRun = 1, sharing } = given;
      checkDTypes(traits, program);
      const run = unroll(program, stepsPerRun);
      return executable(run, sharing, () => compiled(device, run, planOf(device, rules, run)));
    },
  };
}

/** Checks that locations of a back end's files are only given with that back end, and in a call that loads it. */
function requireEffect(backend: string, options: TfjsOptions): void {
  for (const [option, own] of [
    ['wasmPaths', 'wasm'],
    ['tfjsNode', 'tensorflow'],
  ] as const) {
    if (options[option] === undefined || (backend === own && options.tf === undefined)) continue;
    const got = options.tf === undefined ? `the back end '${backend}'` : 'a module `tf`, which is loaded already';
    throw new ConfigError(`tfjsRuntime.${option}`, `has an effect only where this call loads '${own}'; got ${got}`);
  }
}

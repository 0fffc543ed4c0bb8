import { RuntimeUnavailableError } from '@flowmap/tensor';
import { keepingErrorHandlers } from './error-handlers.js';
import type { Backend, Tfjs } from './tfjs.js';

/** Where the files `tfjs-backend-wasm*.wasm` are: the folder, with its final slash, or the place of each file. */
export type WasmPaths = string | Readonly<Record<string, string>>;

const importers: Readonly<Record<string, (wasmPaths: WasmPaths | undefined) => Promise<Tfjs>>> = {
  cpu: async () => {
    const core = await import('@tensorflow/tfjs-core');
    await import('@tensorflow/tfjs-backend-cpu');
    return core;
  },
  wasm: async (wasmPaths) => {
    const core = await import('@tensorflow/tfjs-core');
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    if (wasmPaths !== undefined) wasm.setWasmPaths(wasmPaths);
    return core;
  },
};

/**
 * Imports TensorFlow.js with one of the back ends that this package knows by name.
 *
 * @throws {RuntimeUnavailableError} for another back end, or where the packages are not installed
 */
export async function importTfjs(backend: string, wasmPaths: WasmPaths | undefined): Promise<Tfjs> {
  const importer = Object.hasOwn(importers, backend) ? importers[backend] : undefined;
  if (importer === undefined) {
    const known = Object.keys(importers).join("' and '");
    const advice = `only '${known}' are loaded by name; import the back end '${backend}' yourself and pass its module as \`tf\``;
    throw new RuntimeUnavailableError(`tfjs (${backend})`, advice);
  }
  try {
    return await importer(wasmPaths);
  } catch (cause) {
    const advice = `cannot be loaded; npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-${backend}`;
    throw new RuntimeUnavailableError(`tfjs (${backend})`, `${advice} (${String(cause)})`, { cause });
  }
}

// TensorFlow.js has one active back end, and mixes two of them up that initialize at the same time.
let initialized: Promise<unknown> = Promise.resolve();

/**
 * Initializes a back end, leaving active the one that was.
 *
 * @throws {RuntimeUnavailableError} when it is not registered or does not initialize
 */
export function openBackend(tf: Tfjs, name: string): Promise<Backend> {
  const opened = initialized.then(() => initialize(tf, name));
  initialized = opened.catch(() => undefined);
  return opened;
}

async function initialize(tf: Tfjs, name: string): Promise<Backend> {
  if (tf.findBackendFactory(name) === null) {
    const advice = `the given module has no back end '${name}'; import the package that registers it first`;
    throw new RuntimeUnavailableError(`tfjs (${name})`, advice);
  }
  const active = tf.getBackend() as string | undefined;
  const ready = await keepingErrorHandlers(() => tf.setBackend(name));
  if (active !== undefined && active !== name) await tf.setBackend(active);
  if (!ready) {
    const advice = name === 'wasm' ? '; check that its binaries are where `wasmPaths` says' : '';
    throw new RuntimeUnavailableError(`tfjs (${name})`, `the back end does not initialize${advice}`);
  }
  return tf.findBackend(name) as Backend;
}

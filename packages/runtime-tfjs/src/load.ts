import { RuntimeUnavailableError } from '@flowmap/tensor';
import { keepingErrorHandlers } from './error-handlers.js';
import { importNative } from './native/load.js';
import type { Backend, Tfjs } from './tfjs.js';

/** Location of the files `tfjs-backend-wasm*.wasm`: the folder, with a final slash, or the location of each file. */
export type WasmPaths = string | Readonly<Record<string, string>>;

/** Locations of a back end's files, if not the default. */
export interface Places {
  readonly wasmPaths?: WasmPaths | undefined;
  readonly tfjsNode?: string | undefined;
}

const core = (): Promise<Tfjs> => import('@tensorflow/tfjs-core');

// Bundlers leave out a package that is not installed if they see that its absence is caught.
const importers: Readonly<Record<string, (places: Places) => Promise<Tfjs>>> = {
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu').catch(missing('cpu'));
    return core();
  },
  wasm: async ({ wasmPaths }) => {
    const wasm = await import('@tensorflow/tfjs-backend-wasm').catch(missing('wasm'));
    if (wasmPaths !== undefined) wasm.setWasmPaths(wasmPaths);
    return core();
  },
  webgl: async () => {
    await import('@tensorflow/tfjs-backend-webgl').catch(missing('webgl'));
    return core();
  },
  webgpu: async () => {
    await import('@tensorflow/tfjs-backend-webgpu').catch(missing('webgpu'));
    return core();
  },
  tensorflow: ({ tfjsNode }) => inTurn(() => importNative(tfjsNode)),
};

function missing(backend: string): (cause: unknown) => never {
  return (cause) => {
    const advice = `cannot be loaded; npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-${backend}`;
    throw new RuntimeUnavailableError(`tfjs (${backend})`, `${advice} (${String(cause)})`, { cause });
  };
}

/**
 * Imports TensorFlow.js with one of the back ends that this package knows by name.
 *
 * @throws {RuntimeUnavailableError} for an unknown back end, or if the packages are not installed
 */
export async function importTfjs(backend: string, places: Places = {}): Promise<Tfjs> {
  const importer = Object.hasOwn(importers, backend) ? importers[backend] : undefined;
  if (importer !== undefined) return importer(places);
  const known = Object.keys(importers).join("', '");
  const advice = `only '${known}' are loaded by name; import the back end '${backend}' yourself and pass its module as \`tf\``;
  throw new RuntimeUnavailableError(`tfjs (${backend})`, advice);
}

// TensorFlow.js has one active back end and mixes up two that initialize at the same time.
let turn: Promise<unknown> = Promise.resolve();

function inTurn<T>(f: () => Promise<T>): Promise<T> {
  const done = turn.then(f);
  turn = done.catch(() => undefined);
  return done;
}

/**
 * Initializes a back end without changing which one is active.
 *
 * @throws {RuntimeUnavailableError} when it is not registered or does not initialize
 */
export function openBackend(tf: Tfjs, name: string): Promise<Backend> {
  return inTurn(() => initialize(tf, name));
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

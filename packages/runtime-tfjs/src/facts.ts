import type { Runtime } from '@flowmap/tensor';
import type { Backend, Tfjs } from './tfjs.js';

/** The part of a back end's module that gives its number of threads. */
interface Threaded {
  readonly wasm?: { readonly tfjs?: { getThreadsCount?(): number } };
}

/**
 * What the last bits of results depend on: versions of TensorFlow.js and its native package, back end, threads of wasm.
 */
export function factsOf(tf: Tfjs, backend: Backend, name: string): NonNullable<Runtime['facts']> {
  const versions = typeof tf.version === 'object' ? tf.version : {};
  const native = versions['tfjs-node-gpu'] ?? versions['tfjs-node'];
  const threads = name === 'wasm' ? (backend as Threaded).wasm?.tfjs?.getThreadsCount?.() : undefined;
  return {
    tfjs: tf.version_core ?? versions['tfjs-core'] ?? 'unknown',
    backend: name,
    ...(native === undefined ? {} : { 'tfjs-node': native }),
    ...(threads === undefined ? {} : { threads }),
  };
}

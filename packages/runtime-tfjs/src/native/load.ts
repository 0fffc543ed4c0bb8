import { RuntimeUnavailableError } from '@flowmap/tensor';
import type { Tfjs } from '../tfjs.js';

const runtime = 'tfjs (tensorflow)';

interface Node {
  /** The engine that all copies of TensorFlow.js share, once one of them is loaded. */
  readonly _tfengine?: { readonly backendName?: string };
  /** Finds a package by its folder; not available in a browser. */
  readonly process?: {
    getBuiltinModule?(name: 'module'): { createRequire(from: string): (name: string) => unknown };
  };
}

/**
 * Loads TensorFlow.js with its native library: the package in the given folder, otherwise `@tensorflow/tfjs-node-gpu`
 * or `@tensorflow/tfjs-node`, whichever is installed.
 *
 * @throws {RuntimeUnavailableError} when there is none, or it does not load here
 */
export async function importNative(folder: string | undefined): Promise<Tfjs> {
  const reasons: string[] = [];
  // The package makes its back end the active one.
  const active = (globalThis as Node)._tfengine?.backendName;
  for (const load of folder === undefined ? installed : [() => packageIn(folder)]) {
    try {
      const tf = moduleOf(await load());
      if (active !== undefined) await tf.setBackend(active);
      return tf;
    } catch (cause) {
      reasons.push(String(cause).split('\n', 1).join());
    }
  }
  const where =
    folder === undefined ? '@tensorflow/tfjs-node cannot be loaded' : `no native package loads from ${folder}`;
  throw new RuntimeUnavailableError(
    runtime,
    `${where}; npm install @tensorflow/tfjs-node, or -node-gpu, in Node on a machine that can reach the download of its ` +
      'library, or build it with tools/tfjs-node of the Flowmap repository and pass its folder as `tfjsNode` ' +
      `(${reasons.join('; ')})`,
  );
}

// Bundlers should ignore these: few programs have the packages, and none can use them in a browser.
const installed: readonly (() => Promise<unknown>)[] = [
  () => import(/* webpackIgnore: true */ /* @vite-ignore */ '@tensorflow/tfjs-node-gpu').catch(rethrow),
  () => import(/* webpackIgnore: true */ /* @vite-ignore */ '@tensorflow/tfjs-node').catch(rethrow),
];

function rethrow(cause: unknown): never {
  throw cause;
}

/** Uses `require`, which accepts a folder as a package, whereas `import` needs a file. */
function packageIn(folder: string): unknown {
  const module = (globalThis as Node).process?.getBuiltinModule?.('module');
  if (module === undefined) throw new Error('only Node, from 20.16 on, loads native packages');
  return module.createRequire(`${folder.replace(/\/*$/, '')}/`)('./');
}

/** A CommonJS package as a whole: `import` exposes only the names it can detect without running the package. */
function moduleOf(loaded: unknown): Tfjs {
  return ((loaded as { default?: Tfjs }).default ?? loaded) as Tfjs;
}

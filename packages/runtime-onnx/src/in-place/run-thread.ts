import type { Pointer } from './koffi.js';

/** A call of `Run`: its arguments, and all memory that they point to, which is held until it has returned. */
export interface RunCall {
  readonly args: readonly unknown[];
  readonly memory: readonly unknown[];
}

/** Makes a call of `Run` and returns onnxruntime's status; null is success. */
export type MakeRun = (call: RunCall) => Pointer | null | Promise<Pointer | null>;

/** What a thread needs to call `Run`. */
export interface RunThreadOptions {
  /** Address of `Run`. */
  readonly run: Pointer;
  /** Types of its parameters. */
  readonly parameters: readonly string[];
  /** The floating-point environment of the thread, for C's `fesetenv`; unchanged if undefined. */
  readonly environment: Uint8Array | undefined;
  /** Makes the calls if no thread can be started. */
  readonly otherwise: (call: RunCall) => Pointer | null;
}

interface Waiting {
  readonly call: RunCall;
  readonly resolve: (status: Pointer | null) => void;
}

/** The thread as a program, since Node starts threads from JavaScript only. */
const program = `
const { parentPort, workerData } = require('node:worker_threads');
const { koffi: path, run: address, parameters, environment } = workerData;
const koffi = require(path);
if (environment !== undefined) koffi.load(null).func('fesetenv', 'int', ['void *'])(environment);
const run = koffi.decode(address, koffi.proto('void *', parameters));
parentPort.on('message', (args) => parentPort.postMessage(run(...args)));
`;

/**
 * A thread that makes calls one after another while JavaScript continues. It starts with the first call. While calls
 * are pending, Node does not exit by itself, and `process.exit` waits for the call under way. If no thread can be
 * started, calls are made on JavaScript's thread.
 */
export function runThread({ otherwise, ...data }: RunThreadOptions): MakeRun {
  /** In the order in which the thread makes them. This is what holds their memory. */
  const waiting: Waiting[] = [];
  let post: ((args: readonly unknown[]) => void) | undefined;

  const start = (): typeof post => {
    const { createRequire } = globalThis.process.getBuiltinModule('node:module');
    const { Worker } = globalThis.process.getBuiltinModule('node:worker_threads');
    const workerData = { ...data, koffi: createRequire(import.meta.url).resolve('koffi') };
    const worker = new Worker(program, { eval: true, execArgv: [], name: 'onnxruntime', workerData });
    worker.on('message', (status: Pointer | null) => {
      waiting.shift()!.resolve(status);
      if (waiting.length === 0) worker.unref();
    });
    worker.on('error', () => {
      post = undefined;
      // The thread fails before it makes a call, or not at all.
      for (const { call, resolve } of waiting.splice(0)) resolve(otherwise(call));
    });
    return (args) => {
      worker.ref();
      worker.postMessage(args);
    };
  };

  let started = false;
  return (call) => {
    if (!started) {
      started = true;
      try {
        post = start();
      } catch {
        // Node's permissions can forbid threads.
      }
    }
    if (post === undefined) return otherwise(call);
    post(call.args);
    return new Promise((resolve) => void waiting.push({ call, resolve }));
  };
}

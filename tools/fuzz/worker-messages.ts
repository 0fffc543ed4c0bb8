import type { FuzzResult } from './fuzz.js';

/** Name of the file with the input that a worker is decoding. */
export const CURRENT = 'current';

/** Result of a worker. */
export type WorkerResult = Omit<FuzzResult, 'kept'> & { readonly kept: number; readonly faults: number };

/** Message from a worker: that it is still running, or its final result. */
export type WorkerMessage = { readonly inputs: number } | { readonly result: WorkerResult };

import type { FuzzResult } from './fuzz.js';

/** Name of the file with the input that a worker is decoding. */
export const CURRENT = 'current';

/** What a worker did. */
export type WorkerResult = Omit<FuzzResult, 'kept'> & { readonly kept: number; readonly faults: number };

/** What a worker tells: that it goes on, or what it did in the end. */
export type WorkerMessage = { readonly inputs: number } | { readonly result: WorkerResult };

import { setImmediate } from 'node:timers/promises';
import type { Runtime } from '@flowmap/tensor';

/**
 * A runtime whose programs can be interrupted: before each run the process gets to handle signals, which it cannot
 * while a runtime computes without a pause, and a run after the signal was aborted rejects with its reason.
 */
export function interruptible(runtime: Runtime, signal: AbortSignal | undefined): Runtime {
  return {
    ...runtime,
    async compile(program, options) {
      const executable = await runtime.compile(program, options);
      return {
        ...executable,
        async run(inputs) {
          await setImmediate();
          signal?.throwIfAborted();
          return executable.run(inputs);
        },
      };
    },
  };
}

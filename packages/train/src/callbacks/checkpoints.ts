import type { Callback } from '@flowmap/core';

/**
 * Saves a checkpoint after every n-th step; the last one is saved in any case.
 *
 * @example
 * await train({ ...options, callbacks: [checkpoints(500)] });
 */
export function checkpoints(every: number): Callback {
  return {
    name: 'checkpoints',
    every,
    run(moment) {
      moment.save();
    },
  };
}

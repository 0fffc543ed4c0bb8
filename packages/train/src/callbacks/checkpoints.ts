import type { Callback } from '@flowmap/core';
import { requireWhole } from '@flowmap/tensor';

/**
 * Saves a checkpoint after every n-th step; the final one is always saved.
 *
 * @param every steps between checkpoints, at least 1
 * @throws {ConfigError} when the number of steps is not a whole number of at least 1
 *
 * @example
 * await train({ ...options, callbacks: [checkpoints(500)] });
 */
export function checkpoints(every: number): Callback {
  requireWhole('checkpoints.every', every);
  return {
    name: 'checkpoints',
    every,
    run(moment) {
      moment.save();
    },
  };
}

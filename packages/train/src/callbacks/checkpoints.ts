import type { Callback } from '@flowmap/core';
import { requireWhole } from '@flowmap/tensor';

/**
 * Saves a checkpoint after every n-th step; the last one is saved in any case.
 *
 * @param every steps between two checkpoints, at least 1
 * @throws {ConfigError} for a number of steps that is not whole or less than 1
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

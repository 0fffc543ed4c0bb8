import { ConfigError, type Callback } from '@flowmap/core';
import { requireKnownOptions, requireWhole } from '@flowmap/tensor';

/** When {@link checkpoints} saves besides every n-th step. */
export interface CheckpointsOptions {
  /** Most seconds between checkpoints, > 0; 600 unless given, `Infinity` for no limit. */
  readonly seconds?: number;
  /** The time in seconds; that of the process unless given. */
  readonly clock?: () => number;
}

/**
 * Saves a checkpoint after every n-th step, and when none has been saved for ten minutes; the final one is always saved. When
 * checkpoints are saved has no effect on the results.
 *
 * @param every steps between checkpoints, at least 1
 * @throws {ConfigError} when the number of steps is not a whole number of at least 1, or the number of seconds
 *   is not > 0
 *
 * @example
 * await train({ ...options, callbacks: [checkpoints(500, { seconds: 120 })] });
 */
export function checkpoints(every: number, options: CheckpointsOptions = {}): Callback {
  requireKnownOptions('checkpoints', options, { seconds: true, clock: true });
  const { seconds = 600, clock = (): number => performance.now() / 1000 } = options;
  requireWhole('checkpoints.every', every);
  if (!(seconds > 0)) throw new ConfigError('checkpoints.seconds', `wanted a number > 0, got ${seconds}`);
  let last = clock();
  return {
    name: 'checkpoints',
    every: 1,
    prepare() {
      last = clock();
    },
    run(moment) {
      const isDue = moment.step % every === 0 || clock() - last >= seconds;
      if (!isDue) return;
      moment.save();
      last = clock();
    },
  };
}

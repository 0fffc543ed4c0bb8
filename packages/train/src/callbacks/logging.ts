import type { Callback, LogRecord } from '@flowmap/core';
import { requireWhole } from '@flowmap/tensor';

/**
 * Logs the record of the first step, of every n-th and of the last. Callbacks that add to a record must be placed
 * before this one.
 *
 * @param every steps between records, at least 1
 * @param onRecord called with each record
 * @throws {ConfigError} when the number of steps is not a whole number of at least 1
 */
export function logging(every: number, onRecord?: (record: LogRecord) => void): Callback {
  requireWhole('logging.every', every);
  return {
    name: 'logging',
    every: 1,
    async run(moment) {
      if (moment.step !== 1 && moment.step % every !== 0 && moment.step !== moment.iterations) return;
      await moment.log();
      onRecord?.(await moment.record());
    },
  };
}

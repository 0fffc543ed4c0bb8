import type { Callback, LogRecord } from '@flowmap/core';
import { requireWhole } from '@flowmap/tensor';

/**
 * Logs the record of the first step, of every n-th and of the last. What other callbacks add to a record must be added before: their place
 * is before this one.
 *
 * @param every steps between two records, at least 1
 * @param onRecord called with each
 * @throws {ConfigError} for a number of steps that is not whole or less than 1
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

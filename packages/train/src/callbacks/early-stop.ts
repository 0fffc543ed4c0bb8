import { ConfigError, type Callback } from '@flowmap/core';
import { requireKnownOptions, requireWhole } from '@flowmap/tensor';

/** When {@link earlyStop} ends a training. */
export interface EarlyStopOptions {
  /** The quantity in a step's record that should fall, such as `validation.loss`. */
  readonly quantity: string;
  /** How many checks in a row may pass without a new lowest value, at least 1. */
  readonly patience: number;
  /** Steps between checks, which should be steps that are logged. */
  readonly every: number;
  /** By how much a value must fall below the previous lowest to count, >= 0; 0 unless given. */
  readonly least?: number;
}

/**
 * Ends a training whose quantity has stopped falling. Earlier values are taken from the log, so a resumed run stops where
 * an uninterrupted one would have. Place it after the callbacks that add the quantity.
 *
 * @throws {ConfigError} for a setting out of its range or, when it runs, for a quantity that no record has
 */
export function earlyStop(options: EarlyStopOptions): Callback {
  requireKnownOptions('earlyStop', options, { quantity: true, patience: true, every: true, least: true });
  const { quantity, patience, every, least = 0 } = options;
  requireWhole('earlyStop.patience', patience);
  requireWhole('earlyStop.every', every);
  if (!(least >= 0)) throw new ConfigError('earlyStop.least', `wanted a number >= 0, got ${least}`);
  return {
    name: 'early stop',
    every,
    async run(moment) {
      const now = await moment.record();
      if (!Object.hasOwn(now, quantity)) {
        const known = Object.keys(now).join(', ');
        throw new ConfigError('earlyStop.quantity', `no record has '${quantity}'; they have: ${known}`);
      }
      const before = moment.records.filter((record) => record.step < moment.step && record.step % every === 0);
      let lowest = Infinity;
      let since = 0;
      for (const { [quantity]: value } of [...before, now]) {
        if (value === undefined) continue;
        since = value < lowest - least ? 0 : since + 1;
        lowest = Math.min(lowest, value);
      }
      if (since >= patience) moment.stop();
    },
  };
}

import { ConfigError, type Callback, type Loader } from '@flowmap/core';

/** How {@link validationLoss} looks at held-out data. */
export interface ValidationLossOptions {
  /** Name of the phase whose loss it is. */
  readonly phase: string;
  /** Batches of data that is not trained on, as large as the training's. */
  readonly batches: Pick<Loader, 'batch'>;
  /** How many of them, at least 1; 1 unless given. */
  readonly count?: number;
  /** Steps between two looks. */
  readonly every: number;
  /** Name of the average whose loss it is; the parameters themselves unless given. */
  readonly average?: string;
}

/**
 * Loss and metrics on held-out data, added to the record as `validation.loss`, …: the same batches, noise and times each time, so that the
 * numbers can be compared. Its place is before the callback that logs.
 *
 * @throws {ConfigError} for a number of batches that is not whole or less than 1
 */
export function validationLoss({ phase, batches, count = 1, every, average }: ValidationLossOptions): Callback {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new ConfigError('validationLoss.count', `wanted a whole number >= 1, got ${count}`);
  }
  return {
    name: 'validation loss',
    every,
    async run(moment) {
      const sums: Record<string, number> = {};
      for (let index = 0; index < count; index++) {
        const values = await moment.loss(phase, await batches.batch(index), index, average);
        for (const [name, value] of Object.entries(values)) {
          sums[`validation.${name}`] = (sums[`validation.${name}`] ?? 0) + value / count;
        }
      }
      moment.add(sums);
    },
  };
}

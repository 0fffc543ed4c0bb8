import { withPrefix } from '@flowmap/core';
import type { Callback, Loader } from '@flowmap/core';
import { requireWhole } from '@flowmap/tensor';

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
  /** What its numbers are called by: `validation.loss`; `validation` unless given, and to be given where there are several. */
  readonly name?: string;
  /** Name of the average whose loss it is; the parameters themselves unless given. */
  readonly average?: string;
}

/**
 * Loss and metrics on held-out data, added to the record as `validation.loss`, …: the same batches, noise and times each time, so that the
 * numbers can be compared, and without dropout. Its place is before the callback that logs.
 *
 * @throws {ConfigError} for a number of batches that is not whole or less than 1; in training, before the first step, for a phase or an
 *   average that there is not
 */
export function validationLoss(options: ValidationLossOptions): Callback {
  const { phase, batches, count = 1, every, name: prefix = 'validation', average } = options;
  requireWhole('validationLoss.count', count);
  requireWhole('validationLoss.every', every);
  return {
    name: 'validation loss',
    every,
    prepare: (training) => training.prepareLoss(phase, average),
    async run(moment) {
      const means: Record<string, number> = {};
      for (let index = 0; index < count; index++) {
        const values = await moment.loss(phase, await batches.batch(index), index, average);
        for (const [quantity, value] of Object.entries(values)) {
          means[quantity] = (means[quantity] ?? 0) + value / count;
        }
      }
      moment.add(withPrefix(prefix, means));
    },
  };
}

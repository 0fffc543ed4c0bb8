import { withPrefix } from '@flowmap/core';
import type { Callback, Loader } from '@flowmap/core';
import { requireKnownOptions, requireWhole } from '@flowmap/tensor';

/** Settings of {@link validationLoss}. */
export interface ValidationLossOptions {
  /** Name of the phase whose loss is computed. */
  readonly phase: string;
  /** Batches of held-out data, as large as those of the training. */
  readonly batches: Pick<Loader, 'batch'>;
  /** Number of batches, at least 1; 1 unless given. */
  readonly count?: number;
  /** Steps between evaluations. */
  readonly every: number;
  /**
   * Prefix of its quantities, as in `validation.loss`; `validation` unless given. Several such callbacks need different
   * names.
   */
  readonly name?: string;
  /** Name of the average to evaluate; the parameters themselves unless given. */
  readonly average?: string;
}

/**
 * Loss and metrics on held-out data, added to the record as `validation.loss`, …: the same batches, noise and times
 * each time, so that the numbers can be compared, and without dropout. Place it before the callback that logs.
 *
 * @throws {ConfigError} when the number of batches is not a whole number of at least 1; in training, before the first
 *   step, for a phase or average that does not exist
 */
export function validationLoss(options: ValidationLossOptions): Callback {
  requireKnownOptions('validationLoss', options, {
    phase: true,
    batches: true,
    count: true,
    every: true,
    name: true,
    average: true,
  });
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

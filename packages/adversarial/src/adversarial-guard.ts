import type { Callback, LogRecord } from '@flowmap/core';
import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import { AdversarialStopError } from './errors.js';
import { requireNonNegative } from './internal/checks.js';

/** When {@link adversarialGuard} stops a training, and when it saves. */
export interface AdversarialGuardOptions {
  /** Steps between checks, at least 1. */
  readonly every: number;
  /** How many checks in a row must fail, at least 1; 3 unless given. */
  readonly patience?: number;
  /**
   * The discriminator has won when its loss without penalties is below this, >= 0; 1e-3 unless given, which means 7
   * logits between the samples of each pair.
   */
  readonly leastLoss?: number;
  /**
   * The generator has collapsed when the distance between two of its samples, in the discriminator's features, is
   * below this share of the distance between two samples of the data; 0.1 unless given, 0 to skip this check.
   */
  readonly leastDiversity?: number;
  /**
   * Whether it saves a checkpoint at each check that finds nothing wrong, in place of the callback `checkpoints`; true
   * unless given.
   */
  readonly save?: boolean;
  /** Name of the discriminator's trainee; `discriminator` unless given. */
  readonly judge?: string;
}

/**
 * Stops an adversarial finetuning in which the discriminator wins completely or the generator collapses, and saves
 * checkpoints while nothing is wrong, so that the last one is good. A loss, penalty or gradient that is NaN or infinite
 * stops training too, as every number is checked when it is read.
 *
 * @throws {ConfigError} for a number out of its range
 * @throws {AdversarialStopError} in training, when several checks in a row have failed
 */
export function adversarialGuard(options: AdversarialGuardOptions): Callback {
  requireKnownOptions('adversarialGuard', options, {
    every: true,
    patience: true,
    leastLoss: true,
    leastDiversity: true,
    save: true,
    judge: true,
  });
  const { every, patience = 3, leastLoss = 1e-3, leastDiversity = 0.1, save = true, judge = 'discriminator' } = options;
  requireWhole('adversarialGuard.every', every);
  requireWhole('adversarialGuard.patience', patience);
  requireNonNegative('adversarialGuard.leastLoss', leastLoss);
  requireNonNegative('adversarialGuard.leastDiversity', leastDiversity, 1);
  let failed = 0;
  let soundStep: number | undefined;

  const faultIn = (record: LogRecord): (Pick<AdversarialStopError, 'reason'> & { detail: string }) | undefined => {
    const loss = record[`${judge}.adversarial`]!;
    if (loss < leastLoss) return { reason: 'discriminator won', detail: `its loss is ${loss.toExponential(1)}` };
    const share = record['generator.diversity']! / record['generator.realDiversity']!;
    if (share >= leastDiversity || Number.isNaN(share)) return undefined;
    const detail = `its samples differ by ${share.toExponential(1)} of what data does`;
    return { reason: 'generator collapsed', detail };
  };
  return {
    name: 'adversarial guard',
    every,
    prepare() {
      failed = 0;
      soundStep = undefined;
    },
    async run(moment) {
      const fault = faultIn(await moment.record());
      if (fault === undefined) {
        failed = 0;
        soundStep = moment.step;
        if (save) moment.save();
        return;
      }
      failed += 1;
      if (failed >= patience) throw new AdversarialStopError(fault.reason, moment.step, soundStep, fault.detail);
    },
  };
}

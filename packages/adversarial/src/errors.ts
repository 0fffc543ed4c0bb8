import { FlowmapError } from '@flowmap/core';

/** An adversarial finetuning has gone wrong and was stopped; checkpoints made before are intact. */
export class AdversarialStopError extends FlowmapError {
  constructor(
    /** What has gone wrong. */
    readonly reason: 'discriminator won' | 'generator collapsed',
    /** Number of the step, counted from 1. */
    readonly step: number,
    /** The last step at which nothing was wrong; undefined if there was none since training started or was resumed. */
    readonly soundStep: number | undefined,
    detail: string,
  ) {
    const sound = soundStep === undefined ? 'no check before was sound' : `step ${soundStep} was sound`;
    super(`training stopped at step ${step}, as the ${reason}: ${detail}; ${sound}. ${ADVICE[reason]}`);
  }
}

const ADVICE = {
  'discriminator won': 'A larger penalty, a lower learning rate of the discriminator or augmentation may help',
  'generator collapsed': 'A smaller adversarial weight, a larger penalty or a lower learning rate may help',
};

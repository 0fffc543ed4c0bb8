import type { Model, Phase, Schedule } from '@flowmap/core';
import type { Augmentation } from '../augmentation.js';
import type { Discriminator } from '../discriminator.js';
import type { AdversarialLoss } from '../losses.js';

/** What the phases of an adversarial finetuning have in common: checked options, with defaults filled in. */
export interface Setting {
  readonly student: Pick<Model, 'network' | 'parametrization'>;
  readonly discriminator: Discriminator;
  /** Phase of the objective, which names the student's trainee. */
  readonly objective: Phase;
  /** Name of the discriminator's trainee. */
  readonly judge: string;
  readonly loss: AdversarialLoss;
  readonly batchSize: number;
  readonly seed: number;
  /** Numbers of steps that generated samples take, drawn uniformly for each. */
  readonly steps: { readonly from: number; readonly to: number };
  readonly weight: Schedule;
  readonly penalty: PenaltySetting | undefined;
  readonly balance: BalanceSetting;
  readonly augmentation: Augmentation | undefined;
}

export interface PenaltySetting {
  readonly weight: Schedule;
  readonly real: boolean;
  readonly fake: boolean;
  readonly method: 'exact' | 'differences';
  readonly every: number;
  readonly step: number;
}

export interface BalanceSetting {
  readonly scales: 'adversarial' | 'objective' | 'nothing';
  readonly lastLayer: readonly string[];
  readonly largest: number;
}

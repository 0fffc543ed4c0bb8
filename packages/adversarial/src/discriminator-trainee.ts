import type { Optimizer, Schedule, Trainee } from '@flowmap/core';
import { requireKnownOptions } from '@flowmap/tensor';
import type { Discriminator } from './discriminator.js';

/** How a discriminator is trained. */
export interface DiscriminatorTraineeOptions {
  /** A schedule, or a constant rate. */
  readonly learningRate: Schedule | number;
  /** Usually Adam without momentum and weight decay: `adamw({ beta1: 0, weightDecay: 0 })`. */
  readonly optimizer: Optimizer;
  /** Seed of its initial parameters. */
  readonly seed: number;
  /** Gradients with a larger norm are scaled down to this norm, > 0; no clipping unless given. */
  readonly maxGradientNorm?: number;
}

/** A discriminator as a trainee of `train`, to be listed there as `discriminator`. */
export function discriminatorTrainee(discriminator: Discriminator, options: DiscriminatorTraineeOptions): Trainee {
  requireKnownOptions('discriminatorTrainee', options, {
    learningRate: true,
    optimizer: true,
    seed: true,
    maxGradientNorm: true,
  });
  const { learningRate, optimizer, seed, maxGradientNorm } = options;
  return {
    parameters: discriminator.parameters,
    initial: discriminator.init(seed),
    optimizer,
    learningRate: typeof learningRate === 'number' ? () => learningRate : learningRate,
    averages: {},
    ...(maxGradientNorm === undefined ? {} : { maxGradientNorm }),
  };
}

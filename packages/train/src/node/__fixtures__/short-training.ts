import { mlp } from '@flowmap/core';
import { eightGaussians } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { adamw } from '../../adamw.js';
import type { Optimizer } from '../../optimizer.js';
import type { TrainVelocityFieldOptions } from '../options.js';

/** AdamW whose update is infinite where the learning rate is above 1. */
export const overflowing: Optimizer = {
  ...adamw(),
  scalars: (rate, step) => adamw().scalars(rate > 1 ? Infinity : rate, step),
};

/** Options of a training of a few steps on the reference runtime, with a checkpoint after every second step. */
export function shortTraining(
  out: string,
  more: Partial<TrainVelocityFieldOptions> = {},
): TrainVelocityFieldOptions {
  return {
    runtime: referenceRuntime(),
    data: eightGaussians(),
    network: mlp({ shape: [2], width: 4, depth: 1 }),
    objective: flowMatching(),
    out,
    iterations: 4,
    batchSize: 4,
    seed: 0,
    checkpointEvery: 2,
    logEvery: 1,
    progress: 'none',
    ...more,
  };
}

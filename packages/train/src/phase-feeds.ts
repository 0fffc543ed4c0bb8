import { withPrefix } from '@flowmap/core';
import type { Batch, Phase, Progress, Trainee } from '@flowmap/core';
import type { HostTensors } from '@flowmap/tensor';
import { scalar } from './internal/host.js';
import { mapValues } from './internal/names.js';

/**
 * The inputs of one run of a phase's step: those of the phase and those of the update. They depend only on the step and
 * the batch, so a resumed run sees what an uninterrupted one would have seen.
 *
 * @param trainee the trainee that the phase trains
 * @param progress the step, from 0, and the number of iterations
 */
export function phaseFeeds(phase: Phase, trainee: Trainee, progress: Progress, batch: Batch): HostTensors {
  return { ...phase.feeds(progress, batch), ...updateFeeds(trainee, progress) };
}

/** The inputs of an update: scalars of the optimizer, decays of the averages, the largest norm of the gradient. */
export function updateFeeds(trainee: Trainee, progress: Progress): HostTensors {
  const { optimizer, learningRate, averages, maxGradientNorm } = trainee;
  return {
    ...withPrefix(
      'decay',
      mapValues(averages, (decay) => scalar(decay(progress))),
    ),
    ...(maxGradientNorm === undefined ? {} : { maxGradientNorm: scalar(maxGradientNorm) }),
    ...withPrefix('optimizer', mapValues(optimizer.scalars(learningRate(progress), progress.step), scalar)),
  };
}

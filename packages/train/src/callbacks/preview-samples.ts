import type { Callback, Moment, SampleArguments } from '@flowmap/core';
import { requireWhole, type HostTensor } from '@flowmap/tensor';

/** What {@link previewSamples} draws. */
export type PreviewSamplesOptions = Parameters<Moment['sampler']>[0] &
  SampleArguments & {
    /** Steps between two previews. */
    readonly every: number;
    /** Called with the samples, shaped as the noise; training waits for it. */
    readonly onSamples: (samples: HostTensor, step: number) => Promise<void> | void;
  };

/**
 * Samples the model as it is, from its live parameters, after every n-th step and the last: always from the same noise, so that pictures
 * can be compared.
 *
 * @throws {ConfigError} for a number of steps that is not whole or less than 1; in training, before the first step, for a trainee,
 *   average, sampler, conditions, times or seed that do not fit
 * @throws {ShapeError} in training, before the first step, for noise of another shape than the model's samples
 *
 * @example
 * previewSamples({ every: 500, average: 'ema', batchSize: 16, noise, times: uniformGrid(4), onSamples: savePicture });
 */
export function previewSamples(options: PreviewSamplesOptions): Callback {
  const { every, onSamples, ...given } = options;
  requireWhole('previewSamples.every', every);
  return {
    name: 'preview samples',
    every,
    async prepare(training) {
      (await training.sampler(given)).check(given);
    },
    async run(moment) {
      const sampler = await moment.sampler(given);
      await onSamples(await sampler.sample(given), moment.step);
    },
  };
}

import type { Callback, Moment, SampleArguments } from '@flowmap/core';
import { requireKnownOptions, requireWhole, type HostTensor } from '@flowmap/tensor';

/** What {@link previewSamples} draws. */
export type PreviewSamplesOptions = Parameters<Moment['sampler']>[0] &
  SampleArguments & {
    /** Steps between previews. */
    readonly every: number;
    /** Called with the samples, shaped as the noise; training waits for it. */
    readonly onSamples: (samples: HostTensor, step: number) => Promise<void> | void;
  };

/**
 * Samples the model from its live parameters after every n-th step and after the last, always from the same noise, so
 * that the pictures can be compared.
 *
 * @throws {ConfigError} when the number of steps is not a whole number of at least 1; in training, before the first
 *   step, for a trainee, average, sampler, conditions, times or seed that do not fit
 * @throws {ShapeError} in training, before the first step, for noise whose shape is not that of the model's samples
 *
 * @example
 * previewSamples({ every: 500, average: 'ema', batchSize: 16, noise, times: uniformGrid(4), onSamples: savePicture });
 */
export function previewSamples(options: PreviewSamplesOptions): Callback {
  requireKnownOptions('previewSamples', options, {
    sampler: true,
    batchSize: true,
    stepsPerCall: true,
    trainee: true,
    average: true,
    noise: true,
    conditions: true,
    times: true,
    seed: true,
    firstSample: true,
    every: true,
    onSamples: true,
  });
  const { every, onSamples, noise, conditions, times, seed, firstSample, ...given } = options;
  const wanted = {
    noise,
    times,
    ...(conditions === undefined ? {} : { conditions }),
    ...(seed === undefined ? {} : { seed }),
    ...(firstSample === undefined ? {} : { firstSample }),
  };
  requireWhole('previewSamples.every', every);
  return {
    name: 'preview samples',
    every,
    async prepare(training) {
      (await training.sampler(given)).check(wanted);
    },
    async run(moment) {
      const sampler = await moment.sampler(given);
      await onSamples(await sampler.sample(wanted), moment.step);
    },
  };
}

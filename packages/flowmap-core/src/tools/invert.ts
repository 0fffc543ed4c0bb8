import { requireKnownOptions, requireRuntime, type HostTensor } from '@flowmap/tensor';
import { checkedModel, type Model } from '../models/model.js';
import { compileSampler } from '../samplers/compile-sampler.js';
import { batchSizeOf, distances, requireSamples, rowsFor, walkOf, type ToolOptions, type Walk } from './options.js';

/** Options of {@link invert}. */
export interface InvertOptions extends ToolOptions, Walk {
  /** Data, float32 `[count, ...shape]`. */
  readonly samples: HostTensor;
  /** How to go back from the noise to the samples; the same way unless given. */
  readonly back?: Walk;
}

/** Noise that a model leads to given samples. */
export interface Inversion {
  /** Shaped as the samples; standard normal for samples of the model's distribution. */
  readonly noise: HostTensor;
  /** Where the noise leads. */
  readonly restored: HostTensor;
  /** The round-trip error: root mean square difference between each sample and what was restored, in the data's units. */
  readonly error: Float64Array;
}

/**
 * Turns data into the noise from which a model makes it, by the same map in the other direction, `z = f(x, 0, 1)`, and
 * reports the error of the round trip `f(f(x, 0, 1), 1, 0)`. An exact flow map makes none:
 * `f(f(x, t, s), s, t) = x`.
 *
 * A flow map knows the way from data to noise only if it was trained in both orders (`ayfEmd({ orders: 'both' })`). Any
 * other can be inverted by its velocity at s = t: `sampler: heun()`, with `back` for a few steps of the map.
 *
 * @throws {ConfigError} for an unknown option, a sampler that draws noise, or conditions that the network lacks or does
 *   not take
 * @throws {ShapeError} for samples that are not float32 `[count, ...shape]`
 *
 * @example
 * const { noise, error } = await invert(student, { runtime, samples, labels: ['cat'], steps: 2 });
 */
export async function invert(given: Model, options: InvertOptions): Promise<Inversion> {
  requireKnownOptions('invert', options, {
    runtime: true,
    samples: true,
    back: true,
    sampler: true,
    steps: true,
    labels: true,
    guidance: true,
    batchSize: true,
  });
  const { runtime, samples, back } = options;
  requireRuntime('runtime', runtime);
  if (back !== undefined) requireKnownOptions<Walk>('invert.back', back, { sampler: true, steps: true });
  const model = checkedModel('model', given);
  requireSamples('invert, samples', samples, model);
  const count = samples.shape[0]!;
  const there = walkOf('invert', model, options);
  const home = back ? walkOf('invert.back', model, back) : there;
  const batchSize = batchSizeOf(options, count);
  const conditions = rowsFor(model, options, count);
  const upwards = await compileSampler(runtime, model, { sampler: there.sampler, batchSize });
  try {
    const downwards =
      home.sampler === there.sampler
        ? upwards
        : await compileSampler(runtime, model, { sampler: home.sampler, batchSize });
    try {
      const noise = await upwards.sample({ noise: samples, conditions, times: there.times.toReversed() });
      const restored = await downwards.sample({ noise, conditions, times: home.times });
      return { noise, restored, error: distances(samples, restored) };
    } finally {
      if (downwards !== upwards) await downwards.dispose();
    }
  } finally {
    await upwards.dispose();
  }
}

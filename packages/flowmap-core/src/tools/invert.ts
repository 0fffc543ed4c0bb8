import { requireKnownOptions, requireRuntime, type HostTensor } from '@flowmap/tensor';
import { checkedModel, type Model } from '../models/model.js';
import { batchSizeOf, requireSamples, rowsFor, type ToolOptions } from './options.js';
import { compileRoundTrip, type Inversion, type Walks } from './round-trip.js';

/** Options of {@link invert}. */
export interface InvertOptions extends ToolOptions, Walks {
  /** Data, float32 `[count, ...shape]`. */
  readonly samples: HostTensor;
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
 * const { noise, error } = await invert(animals, { runtime, samples, labels: ['cat'], steps: 2 });
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
  const { runtime, samples } = options;
  requireRuntime('runtime', runtime);
  const model = checkedModel('model', given);
  requireSamples('invert, samples', samples, model);
  const count = samples.shape[0]!;
  const conditions = rowsFor(model, options, count);
  const trip = await compileRoundTrip('invert', runtime, model, {
    walks: options,
    batchSize: batchSizeOf(options, count),
  });
  try {
    return await trip.invert(samples, conditions);
  } finally {
    await trip.dispose();
  }
}

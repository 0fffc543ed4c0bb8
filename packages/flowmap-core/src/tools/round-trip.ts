import { requireKnownOptions, type HostData, type HostTensor, type Runtime } from '@flowmap/tensor';
import type { Model } from '../models/model.js';
import { compileSampler, samplerOf } from '../samplers/compile-sampler.js';
import { distances, walkOf, type Walk } from './options.js';

/** Noise that a model leads to given samples. */
export interface Inversion {
  /** Shaped as the samples; standard normal for samples of the model's distribution. */
  readonly noise: HostTensor;
  /** Where the noise leads. */
  readonly restored: HostTensor;
  /** The round-trip error: root mean square difference between each sample and what was restored, in the data's units. */
  readonly error: Float64Array;
}

/** The ways to noise and back. */
export interface Walks extends Walk {
  /** How to go back from the noise to the samples; the same way unless given. */
  readonly back?: Walk;
}

/** Rows of conditions by name. */
type Conditions = Readonly<Record<string, HostData>>;

/** The way from data to noise and back, compiled. */
export interface RoundTrip {
  invert(samples: HostTensor, conditions: Conditions): Promise<Inversion>;
  restore(noise: HostTensor, conditions: Conditions): Promise<HostTensor>;
  /** Releases the programs. */
  dispose(): Promise<void>;
}

/**
 * Compiles the samplers of both ways: one where both are the same.
 *
 * @param tool what users call, for messages
 * @throws {ConfigError} for an unknown option of `back`, and what {@link walkOf} refuses
 */
export async function compileRoundTrip(
  tool: string,
  runtime: Runtime,
  model: Model,
  { walks: { back, ...walk }, batchSize }: { readonly walks: Walks; readonly batchSize: number },
): Promise<RoundTrip> {
  if (back) requireKnownOptions<Walk>(`${tool}.back`, back, { sampler: true, steps: true });
  const own = samplerOf(model);
  const there = walkOf(tool, model, { ...walk, sampler: walk.sampler ?? own });
  const home = back ? walkOf(`${tool}.back`, model, { ...back, sampler: back.sampler ?? own }) : there;
  const up = await compileSampler(runtime, model, { sampler: there.sampler, batchSize });
  let down = up;
  if (home.sampler !== there.sampler) {
    down = await compileSampler(runtime, model, { sampler: home.sampler, batchSize }).catch(async (error: unknown) => {
      await up.dispose();
      throw error;
    });
  }
  const restore: RoundTrip['restore'] = (noise, conditions) => down.sample({ noise, conditions, times: home.times });
  return {
    restore,
    async invert(samples, conditions) {
      const noise = await up.sample({ noise: samples, conditions, times: there.times.toReversed() });
      const restored = await restore(noise, conditions);
      return { noise, restored, error: distances(samples, restored) };
    },
    async dispose() {
      await Promise.all([up, down].map((each) => each.dispose()));
    },
  };
}

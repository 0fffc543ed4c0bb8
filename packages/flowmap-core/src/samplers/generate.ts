import { requireKnownOptions, type HostTensor, type OptionNames, type Runtime } from '@flowmap/tensor';
import type { Model } from '../models/model.js';
import { compileSampler, type CompileSamplerOptions } from './compile-sampler.js';
import { SAMPLE_REQUEST, type SampleRequest } from './sample-request.js';

/** Options of {@link generate}. */
export interface GenerateOptions extends SampleRequest, Omit<Partial<CompileSamplerOptions>, 'batchSize'> {
  readonly runtime: Runtime;
  /** Samples per run of the program; all of them, at most 64, unless given. */
  readonly batchSize?: number;
}

const OPTIONS: OptionNames<GenerateOptions> = {
  runtime: true,
  ...SAMPLE_REQUEST,
  sampler: true,
  batchSize: true,
  stepsPerCall: true,
  frozen: true,
};

/**
 * Samples from a model in one call: compiles its sampler, draws the samples and releases it. To sample again and again,
 * compile the sampler once with `compileSampler`.
 *
 * @returns samples `[count, ...shape]`
 * @throws what `compileSampler` and `CompiledSampler.sample` throw
 *
 * @example
 * const points = await generate(student, { runtime, count: 16, seed: 0, steps: 2 });
 */
export async function generate(model: Model, options: GenerateOptions): Promise<HostTensor> {
  requireKnownOptions('generate', options, OPTIONS);
  const { runtime, sampler, stepsPerCall, frozen, batchSize: given, ...request } = options;
  const batchSize = given ?? Math.min(64, Math.max(1, request.count ?? request.labels?.length ?? 1));
  const compiled = await compileSampler(runtime, model, {
    batchSize,
    ...(sampler === undefined ? {} : { sampler }),
    ...(stepsPerCall === undefined ? {} : { stepsPerCall }),
    ...(frozen === undefined ? {} : { frozen }),
  });
  try {
    return await compiled.sample(request);
  } finally {
    await compiled.dispose();
  }
}

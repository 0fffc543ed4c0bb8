import { requireKnownOptions, requireRuntime, type HostTensor, type Runtime } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import type { Model } from '../models/model.js';
import { compileSampler, samplerOf } from './compile-sampler.js';
import { uniformGrid } from './grid.js';
import { heun } from './heun.js';
import { explicitArguments, type SampleArguments, type SampleRequest } from './sample-request.js';
import type { Sampler } from './sampler.js';

/** Options of {@link endpointScore}. */
export interface EndpointScoreOptions extends Omit<SampleRequest, 'steps' | 'times'> {
  /**
   * The model whose ODE is followed exactly, under the same labels and guidance; the model itself, a flow map by its
   * velocity at s = t, unless given.
   */
  readonly teacher?: Model;
  /** The sampler that is scored; `flowMapSampler()` for a flow map and `heun()` for a velocity field unless given. */
  readonly sampler?: Sampler;
  /** Steps of Heun's method that count as exact; 64 unless given. */
  readonly referenceSteps?: number;
  /** Samples per run of the programs; all of them, at most 64, unless given. */
  readonly batchSize?: number;
}

/** How far a sampler on a grid ends from the exact points. */
export interface EndpointScore {
  /** Root mean square over all values of all samples, on a grid of times. */
  (times: ArrayLike<number>): Promise<number>;
  /** Releases the program. */
  dispose(): Promise<void>;
}

/**
 * The score of a grid for {@link searchGrid}: the endpoint error of a sampler on it, as the root mean square distance
 * of its points from where a fine solver of the teacher's ODE leads from the same noise.
 *
 * @throws {ConfigError} for an unknown option, a condition of the request that the teacher does not take, such as a scale
 *   of guidance other than 1, or what `compileSampler` and `CompiledSampler.sample` refuse
 *
 * @example
 * const score = await endpointScore(runtime, student, { teacher, count: 16, seed: 0 });
 * console.log(await score(uniformGrid(2)), await score(shiftedGrid(2, 2)));
 */
export async function endpointScore(
  runtime: Runtime,
  model: Model,
  options: EndpointScoreOptions,
): Promise<EndpointScore> {
  requireRuntime('runtime', runtime);
  requireKnownOptions('endpointScore', options, {
    teacher: true,
    sampler: true,
    referenceSteps: true,
    batchSize: true,
    count: true,
    seed: true,
    labels: true,
    guidance: true,
    firstSample: true,
  });
  const { teacher = model, sampler = samplerOf(model), referenceSteps = 64, batchSize: given, ...request } = options;
  const args = explicitArguments({ ...request, steps: 1 }, model.network, model.classes);
  const told = forTeacher(args, teacher);
  const batchSize = given ?? Math.min(64, args.noise.shape[0]!);
  const reference = await compileSampler(runtime, teacher, { sampler: heun(), batchSize });
  let exact: HostTensor;
  try {
    exact = await reference.sample({ ...told, times: uniformGrid(referenceSteps) });
  } finally {
    await reference.dispose();
  }
  const compiled = await compileSampler(runtime, model, { sampler, batchSize });
  const score = async (times: ArrayLike<number>): Promise<number> => {
    return rootMeanSquare(await compiled.sample({ ...args, times }), exact);
  };
  return Object.assign(score, { dispose: () => compiled.dispose() });
}

/**
 * The arguments for the teacher.
 *
 * @throws {ConfigError} for a condition that it does not take, which would compare what it does without with what the
 *   student does under it; a scale of guidance of 1 is none
 */
function forTeacher({ noise, conditions = {} }: SampleArguments, { network }: Model): Omit<SampleArguments, 'times'> {
  const others = Object.keys(conditions).filter((name) => !Object.hasOwn(network.conditions, name));
  for (const name of others) {
    if (name !== 'guidance') {
      throw new ConfigError('endpointScore.teacher', `takes no ${name}; give the teacher that the student learnt from`);
    }
    const scale = conditions[name]![0]!;
    if (scale === 1) continue;
    const guided = "the guided one, such as guidedModel({ strong, weak, scale: 'guidance' })";
    throw new ConfigError(
      'endpointScore.teacher',
      `is not told the scale of guidance, ${scale}: give ${guided}, or leave \`guidance\` at 1`,
    );
  }
  const taken = Object.entries(conditions).filter(([name]) => !others.includes(name));
  return { noise, conditions: Object.fromEntries(taken) };
}

function rootMeanSquare({ data }: HostTensor, reference: HostTensor): number {
  let sum = 0;
  for (const [i, value] of data.entries()) sum += (value - reference.data[i]!) ** 2;
  return Math.sqrt(sum / data.length);
}

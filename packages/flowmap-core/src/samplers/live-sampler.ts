import { requireKnownOptions, requireRuntime, type Executable, type Runtime } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { parametrizationOf, pathOf, type Model } from '../models/model.js';
import { samplerOf, samplerWith, type CompiledSampler, type CompileSamplerOptions } from './compile-sampler.js';
import { samplerProgram } from './sampler-program.js';

/** Options of {@link compileLiveSampler}. */
export interface LiveSamplerOptions extends Omit<CompileSamplerOptions, 'frozen'> {
  /** The executable, from the same runtime, that has the parameters. */
  readonly sharing: Executable;
  /** Name of the state that holds a parameter: `student.ema.weight` for the average of `weight` in a training. */
  readonly stateOf: (parameter: string) => string;
}

/**
 * Compiles a sampler whose parameters are states of another executable, without copying them: in the middle of a
 * training, say, from its current averages. Either may be disposed of first. If the parameters are written between two
 * steps of a sample, its later steps use the new values.
 *
 * @param model the model that the parameters belong to
 * @throws {ConfigError} for an executable that lacks a state of the network, a flow map sampler with a network without
 *   an interval input, or counts that are not whole numbers >= 1
 * @throws {SharingError} for an executable from another runtime, or a state of another shape
 *
 * @example
 * const sampler = await compileLiveSampler(runtime, student, { batchSize: 16, sharing: step, stateOf: (name) => `student.ema.${name}` });
 */
export async function compileLiveSampler(
  runtime: Runtime,
  model: Omit<Model, 'params' | 'classes'> & Partial<Pick<Model, 'classes'>>,
  options: LiveSamplerOptions,
): Promise<CompiledSampler> {
  requireRuntime('runtime', runtime);
  requireKnownOptions('compileLiveSampler', options, {
    sampler: true,
    batchSize: true,
    stepsPerCall: true,
    sharing: true,
    stateOf: true,
  });
  const { sampler = samplerOf(model), batchSize, stepsPerCall = 1, sharing, stateOf } = options;
  const { network } = model;
  const program = samplerProgram(sampler, {
    network,
    path: pathOf(model),
    parametrization: parametrizationOf(model),
    batchSize,
    steps: stepsPerCall,
    stateOf,
  });
  const missing = Object.keys(program.state).find((name) => !Object.hasOwn(sharing.program.state, name));
  if (missing !== undefined) {
    throw new ConfigError(
      'stateOf',
      `program '${sharing.program.name}' has no state '${missing}', a parameter of the network`,
    );
  }
  const executable = await runtime.compile(program, { sharing });
  return samplerWith(runtime, executable, sampler, model);
}

import type { Executable, Runtime } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { parametrizationOf, pathOf, type Model } from '../models/model.js';
import { samplerOf, samplerWith, type CompiledSampler, type CompileSamplerOptions } from './compile-sampler.js';
import { samplerProgram } from './sampler-program.js';

/** Options of {@link compileLiveSampler}. */
export interface LiveSamplerOptions extends Omit<CompileSamplerOptions, 'frozen'> {
  /** The executable, of the same runtime, that has the parameters. */
  readonly sharing: Executable;
  /** Name of the state that a parameter is: `student.ema.weight` for the average of `weight` in a training. */
  readonly stateOf: (parameter: string) => string;
}

/**
 * A sampler whose parameters are states of another executable, without a copy: in the middle of a training, from the averages as
 * they are. Either may be disposed of first. What writes to the parameters between two steps of a sample is in its later steps.
 *
 * @param model what the parameters are for
 * @throws {ConfigError} for an executable without a state of the network, a sampler of flow maps with a network
 *   without an interval input, or counts that are not whole numbers >= 1
 * @throws {SharingError} for an executable of another runtime, or a state of another shape
 *
 * @example
 * const sampler = await compileLiveSampler(runtime, student, { batchSize: 16, sharing: step, stateOf: (name) => `student.ema.${name}` });
 */
export async function compileLiveSampler(
  runtime: Runtime,
  model: Omit<Model, 'params' | 'classes'>,
  { sampler = samplerOf(model), batchSize, stepsPerCall = 1, sharing, stateOf }: LiveSamplerOptions,
): Promise<CompiledSampler> {
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
  return samplerWith(runtime, executable, sampler, network);
}

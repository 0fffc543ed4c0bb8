import { program, type Executable, type Runtime, type SpecLike, type Tensors } from '@flowmap/tensor';
import { batchSpecs } from '../conditions.js';
import { flowMap } from '../flow-map.js';
import { prefixed, withPrefix } from '../internal/names.js';
import { parametrizationOf, type Model } from '../models/model.js';
import type { FlowMap } from '../plugins.js';
import { compileWithParameters } from './parameters.js';

/** What a program of a field takes, by name. */
export interface FieldSignature {
  readonly batchSize: number;
  /** Besides the network's `conditions.*`. */
  readonly inputs: Readonly<Record<string, SpecLike>>;
  /** What stays the same for many runs: states for the caller to write. */
  readonly state?: Readonly<Record<string, SpecLike>>;
}

/**
 * Compiles a program of a model's flow map, with its parameters.
 *
 * @param trace makes the outputs from the map, under the conditions, and the inputs and states
 */
export function compileField(
  runtime: Runtime,
  name: string,
  model: Model,
  { batchSize, inputs, state = {} }: FieldSignature,
  trace: (field: FlowMap, tensors: Tensors) => Tensors,
): Promise<Executable> {
  const { network, params } = model;
  const conditions = withPrefix('conditions', batchSpecs(network.conditions, batchSize));
  const signature = {
    inputs: { ...inputs, ...conditions },
    state: { ...state, ...withPrefix('params', network.parameters) },
  };
  const traced = program<string, string>(name, signature, (tensors, states) => {
    const field = flowMap(network, prefixed('params', states), {
      conditions: prefixed('conditions', tensors),
      parametrization: parametrizationOf(model),
    });
    return { outputs: trace(field, { ...tensors, ...states }) };
  });
  return compileWithParameters(runtime, traced, withPrefix('params', params));
}

import { freeze, program, type Program, type SpecLike, type Tensors } from '@flowmap/tensor';
import { batchSpecs } from '../conditions.js';
import { flowMap } from '../flow-map.js';
import { prefixed, withPrefix } from '../internal/names.js';
import { parametrizationOf, type Model } from '../models/model.js';
import type { FlowMap } from '../plugins.js';

/**
 * A program of a model's flow map, with its parameters as constants. Besides the given inputs it takes the network's
 * `conditions.*`.
 *
 * @param trace makes the outputs from the map, under the conditions, and the inputs
 */
export function fieldProgram(
  name: string,
  model: Model,
  { batchSize, inputs }: { readonly batchSize: number; readonly inputs: Readonly<Record<string, SpecLike>> },
  trace: (field: FlowMap, inputs: Tensors) => Tensors,
): Program {
  const { network, params } = model;
  const conditions = withPrefix('conditions', batchSpecs(network.conditions, batchSize));
  const signature = { inputs: { ...inputs, ...conditions }, state: network.parameters };
  const traced = program<string, string>(name, signature, (tensors, states) => {
    const field = flowMap(network, states, {
      conditions: prefixed('conditions', tensors),
      parametrization: parametrizationOf(model),
    });
    return { outputs: trace(field, tensors) };
  });
  return freeze(traced, params, { copy: false });
}

import { program, type Program, type Tensor } from '@flowmap/tensor';
import { batchSpecs } from '../conditions.js';
import { flowMap } from '../flow-map.js';
import { prefixed, withPrefix } from '../internal/names.js';
import { requireWhole } from '../networks/network.js';
import type { FlowMap, Network } from '../plugins.js';

/** What a sampler is made of. */
export interface SamplerOptions {
  /** A velocity field or a flow map's average velocity. */
  readonly network: Network;
  /** Samples per run. */
  readonly batchSize: number;
  /** Steps per run. */
  readonly steps: number;
  /** Its state are the network's parameters under the names `prefix.name`; under their own unless given. */
  readonly prefix?: string;
}

/** One step of a sampler: from `x` at time `t` to time `s`, both `[batch]`. */
export type SamplerStep = (field: FlowMap, x: Tensor, t: Tensor, s: Tensor) => Tensor;

/** A program that takes `steps` steps along the times it is given. */
export function samplerProgram(
  name: string,
  { network, batchSize, steps, prefix }: SamplerOptions,
  step: SamplerStep,
): Program {
  requireWhole('batchSize', batchSize);
  requireWhole('steps', steps);
  const inputs = {
    x: [batchSize, ...network.config.shape],
    times: [steps + 1],
    ...withPrefix('conditions', batchSpecs(network.conditions, batchSize)),
  };
  const names = Object.keys(network.parameters);
  const stateOf = (name: string): string => (prefix === undefined ? name : `${prefix}.${name}`);
  const state = Object.fromEntries(names.map((name) => [stateOf(name), network.parameters[name]!]));
  return program<string, string>(name, { inputs, state }, (tensors, states) => {
    const params = Object.fromEntries(names.map((name) => [name, states[stateOf(name)]!]));
    const field = flowMap(network, params, { conditions: prefixed('conditions', tensors) });
    const time = (i: number): Tensor => tensors['times']!.slice([i], [i + 1]).broadcastTo([batchSize]);
    let x = tensors['x']!;
    for (let i = 0; i < steps; i++) x = step(field, x, time(i), time(i + 1));
    return { outputs: { x } };
  });
}

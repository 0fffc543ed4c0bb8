import { program, requireWhole, type Program, type Tensor } from '@flowmap/tensor';
import { flowMap } from '../flow-map.js';
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
  const { shape, classes } = network.config;
  const inputs = {
    x: [batchSize, ...shape],
    times: [steps + 1],
    ...(classes > 0 ? { label: { shape: [batchSize], dtype: 'int32' as const } } : {}),
  };
  const names = Object.keys(network.parameters);
  const stateOf = (name: string): string => (prefix === undefined ? name : `${prefix}.${name}`);
  const state = Object.fromEntries(names.map((name) => [stateOf(name), network.parameters[name]!]));
  return program<string, string>(name, { inputs, state }, (tensors, states) => {
    const params = Object.fromEntries(names.map((name) => [name, states[stateOf(name)]!]));
    const field = flowMap(network, params, tensors['label']);
    const time = (i: number): Tensor => tensors['times']!.slice([i], [i + 1]).broadcastTo([batchSize]);
    let x = tensors['x']!;
    for (let i = 0; i < steps; i++) x = step(field, x, time(i), time(i + 1));
    return { outputs: { x } };
  });
}

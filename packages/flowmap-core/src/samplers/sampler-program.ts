import {
  program,
  requireKnownOptions,
  requireMember,
  requireWhole,
  sameShape,
  ShapeError,
  type Program,
  type SpecLike,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { batchSpecs } from '../conditions.js';
import { ConfigError } from '../errors.js';
import { flowMap } from '../flow-map.js';
import { prefixed, withPrefix } from '../internal/names.js';
import type { Parametrization } from '../parametrization.js';
import { linearPath, type Path } from '../path.js';
import type { Network } from '../plugins.js';
import { carriedStep } from './carried-step.js';
import type { Sampler } from './sampler.js';

/** Options of {@link samplerProgram}. */
export interface SamplerOptions {
  /** A velocity field or a flow map's average velocity. */
  readonly network: Network;
  /** The path that the network was trained on; `linearPath` unless given. */
  readonly path?: Path;
  /** What the network's output means; `eulerParametrization` unless given. */
  readonly parametrization?: Parametrization;
  /** Samples per run. */
  readonly batchSize: number;
  /** Steps per run. */
  readonly steps: number;
  /** Name of the state that holds a parameter; the parameter's own name unless given. */
  readonly stateOf?: (parameter: string) => string;
}

/**
 * The program of a sampler, for exporting it or running it yourself: it takes `steps` steps along the given times.
 *
 * It takes `x [batch, ...shape]` at the first time, `times [steps + 1]` (any grid; a new one never causes retracing)
 * and the network's `conditions.*`, one row per sample. A sampler that draws also takes
 * `noise [steps, batch, ...shape]`, and one that carries something takes `carry.name` for each name, zeros at first.
 * Its state consists of the network's parameters. Its output `x` holds the points at the last time, and `carry.name` is
 * what the next run takes.
 *
 * @throws {ConfigError} for an unknown option, a network without the interval input that the sampler needs, counts that are not whole
 *   numbers >= 1, or a step that does not carry what the sampler declares
 * @throws {ShapeError} for a sampler whose step returns points or carried tensors of other shapes than it was given
 *
 * @example
 * const program = samplerProgram(euler(), { network, batchSize: 16, steps: 1 });
 */
export function samplerProgram(sampler: Sampler, options: SamplerOptions): Program {
  requireMember('sampler', sampler, { member: 'step', wanted: 'a sampler, such as `heun()`' });
  requireKnownOptions('samplerProgram', options, {
    network: true,
    path: true,
    parametrization: true,
    batchSize: true,
    steps: true,
    stateOf: true,
  });
  const {
    network,
    path = linearPath,
    parametrization,
    batchSize,
    steps,
    stateOf = (parameter: string) => parameter,
  } = options;
  requireWhole('batchSize', batchSize);
  requireWhole('steps', steps);
  const { shape, interval } = network.config;
  if (sampler.needs.interval && !interval) {
    const advice = 'use euler(), heun() or adamsBashforth() for a velocity field';
    throw new ConfigError('sampler', `'${sampler.name}' wants a network with an interval input; ${advice}`);
  }
  const points = [batchSize, ...shape];
  const carried = Object.entries(sampler.carry?.(points) ?? {});
  const inputs: Record<string, SpecLike> = {
    x: points,
    times: [steps + 1],
    ...withPrefix('conditions', batchSpecs(network.conditions, batchSize)),
    ...(sampler.draws ? { noise: [steps, ...points] } : {}),
    ...Object.fromEntries(carried.map(([name, spec]) => [carryKey(name), spec])),
  };
  const names = Object.keys(network.parameters);
  const state = Object.fromEntries(names.map((name) => [stateOf(name), network.parameters[name]!]));
  return program<string, string>(`${sampler.name} sampler`, { inputs, state }, (tensors, states) => {
    const params = Object.fromEntries(names.map((name) => [name, states[stateOf(name)]!]));
    const field = flowMap(network, params, {
      conditions: prefixed('conditions', tensors),
      ...(parametrization ? { parametrization } : {}),
    });
    const time = (i: number): Tensor => tensors['times']!.slice([i], [i + 1]).broadcastTo([batchSize]);
    const noise = (i: number): Tensor | undefined =>
      tensors['noise']?.slice([i, ...points.map(() => 0)], [i + 1, ...points]).reshape(points);
    let x = tensors['x']!;
    let carry: Tensors = Object.fromEntries(carried.map(([name]) => [name, tensors[carryKey(name)]!]));
    for (let i = 0; i < steps; i++) {
      const next = carriedStep(sampler.step(field, x, time(i), time(i + 1), { path, noise: noise(i), carry }));
      requireLike(sampler, { ...carry, x }, { ...next.carry, x: next.x });
      [x, carry] = [next.x, next.carry];
    }
    const kept = carried.map(([name]) => [carryKey(name), carry[name]!] as const);
    return { outputs: { x, ...Object.fromEntries(kept) } };
  });
}

/** Name of the program's input and output for what a sampler carries under a name. */
export function carryKey(name: string): string {
  return `carry.${name}`;
}

/** Checks that a step's results have the shapes of what it was given. */
function requireLike({ name }: Sampler, wanted: Tensors, got: Tensors): void {
  for (const [key, { shape }] of Object.entries(wanted)) {
    const given = got[key]?.shape;
    if (given === undefined) throw new ConfigError('sampler', `'${name}' does not carry '${key}' on, as it promises`);
    if (sameShape(given, shape)) continue;
    throw new ShapeError(`sampler '${name}'`, `a step that returns ${key} [${shape.join(', ')}]`, [given]);
  }
}

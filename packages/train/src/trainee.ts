import {
  ConfigError,
  type Model,
  type Objective,
  type Optimizer,
  type Schedule,
  type Trainee,
  withPrefix,
} from '@flowmap/core';
import { hostZeros, requireKnownOptions, type HostTensor, type HostTensors } from '@flowmap/tensor';
import { adamw } from './adamw.js';
import { powerEma } from './ema.js';
import { movingParameters, stateName, type Trainees } from './internal/groups.js';
import { cosineSchedule } from './schedules.js';

/** How a model is trained. */
export interface TraineeOptions {
  /** The network with its initial parameters. */
  readonly model: Model;
  /** The objective that it is trained with, whose own parameters, if any, are trained too. */
  readonly objective?: Objective;
  /** A schedule, or the peak of a cosine schedule that falls to 0. */
  readonly learningRate: Schedule | number;
  /** `adamw()` unless given. */
  readonly optimizer?: Optimizer;
  /** Moving averages by name, with the schedules of their decay; `{ ema: powerEma() }` unless given. */
  readonly averages?: Readonly<Record<string, Schedule>>;
  /** Gradients with a larger norm are scaled down to this norm, > 0; no clipping unless given. */
  readonly maxGradientNorm?: number | undefined;
  /** Seed of the objective's own parameters; 0 unless given. */
  readonly seed?: number;
}

/**
 * A model as a trainee.
 *
 * @throws {ConfigError} when a parameter of the network has the name of one of the objective's own
 */
export function trainee(options: TraineeOptions): Trainee {
  requireKnownOptions('trainee', options, {
    model: true,
    objective: true,
    learningRate: true,
    optimizer: true,
    averages: true,
    maxGradientNorm: true,
    seed: true,
  });
  const { model, objective, learningRate, optimizer = adamw(), averages = { ema: powerEma() }, seed = 0 } = options;
  const { network, params, ...rest } = model;
  const own = withPrefix('own', objective?.own?.parameters ?? {});
  const taken = Object.keys(own).find((name) => Object.hasOwn(network.parameters, name));
  if (taken !== undefined) {
    throw new ConfigError('objective', `${objective!.name} has the parameter '${taken}', and so has the network`);
  }
  return {
    parameters: { ...network.parameters, ...own },
    initial: { ...params, ...withPrefix('own', objective?.own?.init(seed) ?? {}) },
    optimizer,
    learningRate: typeof learningRate === 'number' ? cosineSchedule(learningRate) : learningRate,
    averages,
    ...(options.maxGradientNorm === undefined ? {} : { maxGradientNorm: options.maxGradientNorm }),
    model: { ...rest, network },
    ...(network.upgrade ? { upgrade: (values: HostTensors) => network.upgrade!(values) } : {}),
  };
}

/**
 * State of a training's programs before the first step: averages start at the parameters, slots at zero.
 *
 * @param fixed groups of parameters that no step changes, as phases name them
 * @param options.split whether to add the gradients of split programs, which start at zero; false unless given
 */
export function initialState(
  trainees: Trainees,
  fixed: Readonly<Record<string, HostTensors>> = {},
  options: { readonly split?: boolean } = {},
): Record<string, HostTensor> {
  requireKnownOptions('initialState', options, { split: true });
  const { split = false } = options;
  const state: Record<string, HostTensor> = {};
  for (const [name, trained] of Object.entries(trainees)) {
    for (const parameter of Object.keys(trained.parameters)) {
      state[stateName(name, 'params', parameter)] = trained.initial[parameter]!;
    }
    for (const parameter of movingParameters(trained)) {
      const value = trained.initial[parameter]!;
      const zeros = hostZeros({ shape: value.shape, dtype: value.dtype });
      for (const average of Object.keys(trained.averages)) state[stateName(name, average, parameter)] = value;
      const zero = [...trained.optimizer.slots, ...(split ? ['gradient'] : [])];
      for (const part of zero) state[stateName(name, part, parameter)] = zeros;
    }
  }
  for (const [name, params] of Object.entries(fixed)) {
    for (const [parameter, value] of Object.entries(params)) state[stateName(name, 'params', parameter)] = value;
  }
  return state;
}

/**
 * The model of a trainee in a state of its training.
 *
 * @param state values by name, such as a checkpoint's
 * @param name name of the trainee
 * @param average name of one of its averages; the parameters themselves unless given
 * @throws {ConfigError} for a trainee that is not a model, or an average that it does not keep
 */
export function modelIn(state: HostTensors, trainees: Trainees, name: string, average?: string): Model {
  const trained = Object.hasOwn(trainees, name) ? trainees[name] : undefined;
  if (trained?.model === undefined) {
    const known = Object.keys(trainees).filter((other) => trainees[other]!.model !== undefined);
    throw new ConfigError('trainee', `'${name}' is no model; there are: ${known.join(', ') || 'none'}`);
  }
  if (average !== undefined && !Object.hasOwn(trained.averages, average)) {
    const known = Object.keys(trained.averages).join(', ') || 'none';
    throw new ConfigError('average', `'${name}' has no average '${average}'; it has: ${known}`);
  }
  const { network } = trained.model;
  const params = Object.keys(network.parameters).map((parameter) => {
    const part = average === undefined || trained.parameters[parameter]!.fixed === true ? 'params' : average;
    return [parameter, state[stateName(name, part, parameter)]!] as const;
  });
  return { ...trained.model, params: Object.fromEntries(params) };
}

/**
 * Name of the only trainee that is a model.
 *
 * @throws {ConfigError} when there is none, or more than one
 */
export function onlyModel(trainees: Trainees): string {
  const models = Object.keys(trainees).filter((name) => trainees[name]!.model !== undefined);
  if (models.length === 1) return models[0]!;
  const got = models.length === 0 ? 'there is none' : `there are: ${models.join(', ')}`;
  throw new ConfigError('trainee', `wanted the name of a model among the trainees, since ${got}`);
}

import {
  quoted,
  requireKnownOptions,
  requireWhole,
  sameShape,
  ShapeError,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { requireTensors } from '../conditions.js';
import { ConfigError } from '../errors.js';
import type { Network, NetworkConfig, NetworkInputs, ParameterSpec } from '../plugins.js';
import { isList } from '../internal/json.js';
import { initialize, upgraded, type InitialSpec, type InitialSpecs } from './layers.js';

/**
 * Makes a {@link Network} from declared parameters and a function of them; its inputs are checked when it is traced.
 *
 * @param config saved in checkpoints, to rebuild the network from
 * @param parameters shapes and initial standard deviations, and which of them are fixed or projected
 * @param apply traces the network on inputs that have been checked
 * @param options.takes its conditions and draws; none unless given
 * @throws {ConfigError} for an invalid sample shape or interval flag
 */
export function defineNetwork<C extends NetworkConfig>(
  config: C,
  parameters: InitialSpecs,
  apply: (params: Tensors, inputs: NetworkInputs) => Tensor,
  options: Partial<Pick<Network, 'conditions' | 'draws' | 'features'>> = {},
): Network<C> {
  requireKnownOptions('defineNetwork', options, { conditions: true, draws: true, features: true });
  const { conditions = {}, draws = {}, features } = options;
  requireShape(`${config.type}.shape`, config.shape);
  if (typeof config.interval !== 'boolean') throw new ConfigError(`${config.type}.interval`, 'wanted true or false');
  const { type } = config;
  return {
    config,
    parameters: specsOf(parameters),
    conditions,
    ...(Object.keys(draws).length > 0 ? { draws } : {}),
    init: (seed, only) => initialize(parameters, seed, only),
    upgrade: (params) => upgraded(parameters, params),
    apply: (params, inputs) => apply(params, checked(inputs)),
    ...(features ? { features: (params, inputs) => features(params, checked(inputs)) } : {}),
  };

  function checked(inputs: NetworkInputs): NetworkInputs {
    const [batch = 0, ...shape] = inputs.x.shape;
    if (!sameShape(shape, config.shape)) {
      throw new ShapeError(type, `x [batch, ${config.shape.join(', ')}]`, [inputs.x.shape]);
    }
    for (const [name, tensor] of Object.entries({ t: inputs.t, s: inputs.s })) {
      if (tensor && !sameShape(tensor.shape, [batch])) {
        throw new ShapeError(`${type}, ${name}`, `[${batch}]`, [tensor.shape]);
      }
    }
    requireTensors('conditions', type, conditions, inputs.conditions ?? {}, batch);
    if (inputs.draws) requireTensors('draws', type, draws, inputs.draws, batch);
    return inputs;
  }
}

function specsOf(parameters: InitialSpecs): Record<string, ParameterSpec> {
  const specOf = ({ shape, fixed = false, project }: InitialSpec): ParameterSpec => {
    return { shape, dtype: 'float32', ...(fixed ? { fixed } : {}), ...(project ? { project } : {}) };
  };
  return Object.fromEntries(Object.entries(parameters).map(([name, spec]) => [name, specOf(spec)]));
}

/** Largest size of a part of a network, so that a configuration from an untrusted file cannot exhaust the memory. */
const MAX_SIZE = 65_536;

/** Maximum number of repetitions of a part of a network. */
export const MAX_DEPTH = 1024;

/**
 * Checks a size of a network: a whole number in [1, `most`].
 *
 * @throws {ConfigError} naming the option
 */
export function requireSize(option: string, value: number, most = MAX_SIZE): void {
  requireWhole(option, value);
  if (value > most) throw new ConfigError(option, `wanted at most ${most}, got ${value}`);
}

/**
 * Checks the shape of a sample.
 *
 * @param axes names of its axes; any shape unless given
 * @throws {ConfigError} naming the option
 */
export function requireShape(option: string, shape: readonly number[], axes?: readonly string[]): void {
  if (!isList(shape) || shape.length === 0 || (axes && shape.length !== axes.length)) {
    throw new ConfigError(option, `wanted [${axes?.join(', ') ?? 'extents of a sample'}], got ${quoted(shape)}`);
  }
  for (const extent of shape) requireSize(option, extent);
}

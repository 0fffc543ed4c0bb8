import { sameShape, ShapeError, type Tensor, type Tensors } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import type { Network, NetworkConfig, NetworkInputs } from '../plugins.js';
import { initialize, type ParameterSpecs } from './layers.js';

/**
 * Makes a {@link Network} of declared parameters and a function of them, checking its inputs' shapes when it is traced.
 *
 * @param config described in checkpoints, from which the network is rebuilt
 * @param parameters shapes and initial standard deviations
 * @param apply traces the network on inputs that have been checked
 */
export function defineNetwork<C extends NetworkConfig>(
  config: C,
  parameters: ParameterSpecs,
  apply: (params: Tensors, inputs: NetworkInputs) => Tensor,
): Network<C> {
  return {
    config,
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([name, { shape }]) => [name, { shape, dtype: 'float32' as const }]),
    ),
    init: (seed) => initialize(parameters, seed),
    apply(params, inputs) {
      const [batch = 0, ...shape] = inputs.x.shape;
      if (!sameShape(shape, config.shape)) {
        throw new ShapeError(config.type, `x [batch, ${config.shape.join(', ')}]`, [inputs.x.shape]);
      }
      for (const [name, tensor] of Object.entries({ t: inputs.t, s: inputs.s, label: inputs.label })) {
        if (tensor && !sameShape(tensor.shape, [batch]))
          throw new ShapeError(`${config.type}, ${name}`, `[${batch}]`, [tensor.shape]);
      }
      return apply(params, inputs);
    },
  };
}

/**
 * Checks that an option is a whole number of at least `least`.
 *
 * @throws {ConfigError} naming the option
 */
export function requireWhole(option: string, value: number, least = 1): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ConfigError(option, `wanted a whole number >= ${least}, got ${value}`);
  }
}

import { ConfigError, normals, uniforms, type Model } from '@flowmap/core';
import { hostTensor, requireKnownOptions } from '@flowmap/tensor';
import { upgradedParams } from './internal/upgraded-params.js';

/** How much noise {@link noisyWeights} adds. */
export interface NoisyWeightsOptions {
  /** Standard deviation of the noise, as a multiple of the root mean square of each parameter, >= 0. */
  readonly std: number;
  readonly seed: number;
}

/** How many weights {@link droppedWeights} drops. */
export interface DroppedWeightsOptions {
  /** Share of each parameter's values that become 0, in [0, 1). */
  readonly share: number;
  readonly seed: number;
}

/**
 * A copy of a model with normal noise on its weights, as the weak model of autoguidance. Parameters that training must
 * not change keep their values, and so do parameters that are all zero.
 *
 * @throws {ConfigError} for a standard deviation that is negative or not finite
 *
 * @example
 * const weak = noisyWeights(strong, { std: 0.1, seed: 0 });
 */
export function noisyWeights(model: Model, options: NoisyWeightsOptions): Model {
  requireKnownOptions('noisyWeights', options, { std: true, seed: true });
  const { std, seed } = options;
  if (!(std >= 0 && std < Infinity)) throw new ConfigError('noisyWeights.std', `wanted a number >= 0, got ${std}`);
  return changed(model, (name, data) => {
    const noise = normals({ seed, purpose: `noise of weights ${name}` }, data.length);
    const scale = std * Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length);
    return data.map((value, i) => value + scale * noise[i]!);
  });
}

/**
 * A copy of a model with a share of its weights at 0 and the others divided by `1 - share`, as the weak model of
 * autoguidance: dropout drawn once, on weights instead of units, for any network. Parameters that training must not
 * change keep their values.
 *
 * @throws {ConfigError} for a share outside [0, 1)
 *
 * @example
 * const weak = droppedWeights(strong, { share: 0.05, seed: 0 });
 */
export function droppedWeights(model: Model, options: DroppedWeightsOptions): Model {
  requireKnownOptions('droppedWeights', options, { share: true, seed: true });
  const { share, seed } = options;
  if (!(share >= 0 && share < 1)) {
    throw new ConfigError('droppedWeights.share', `wanted a number in [0, 1), got ${share}`);
  }
  return changed(model, (name, data) => {
    const drawn = uniforms({ seed, purpose: `dropout of weights ${name}` }, data.length);
    return data.map((value, i) => (drawn[i]! < share ? 0 : value / (1 - share)));
  });
}

/** A model with each of the float32 parameters that are trained replaced. */
function changed(model: Model, change: (name: string, data: Float32Array) => Float32Array): Model {
  const params = Object.entries(upgradedParams(model)).map(([name, value]) => {
    const { data, shape, dtype } = value;
    const kept = model.network.parameters[name]?.fixed === true || !(data instanceof Float32Array);
    return [name, kept ? value : hostTensor(shape, change(name, data), dtype)] as const;
  });
  return { ...model, params: Object.fromEntries(params) };
}

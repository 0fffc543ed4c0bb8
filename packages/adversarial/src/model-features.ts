import { checkedModel, ConfigError, type Model } from '@flowmap/core';
import { full, requireKnownOptions } from '@flowmap/tensor';
import type { FrozenFeatures } from './projected-discriminator.js';

/** Options of {@link modelFeatures}. */
export interface ModelFeaturesOptions {
  /** Time at which the network is shown samples, in [0, 1], 0 = data; 0.05 unless given. */
  readonly time?: number;
}

/**
 * What a velocity field's own network computes on samples, for `projectedDiscriminator`: a discriminator on a teacher's
 * features need not learn what images are made of (Sauer et al., "Fast high-resolution image synthesis with latent
 * adversarial diffusion distillation", 2024, which adds noise to the samples; here they are shown as they are, at a time
 * near that of data).
 *
 * @param model a velocity field whose network has `features`, and no conditions but `label`
 * @throws {ConfigError} for a model that does not fit its network, a flow map, a network without features or with other conditions, or a time outside [0, 1]
 *
 * @example
 * const critic = projectedDiscriminator({ features: modelFeatures(teacher), width: 32 });
 */
export function modelFeatures(model: Model, options: ModelFeaturesOptions = {}): FrozenFeatures {
  requireKnownOptions('modelFeatures', options, { time: true });
  const { network, params, kind } = model;
  const { time = 0.05 } = options;
  const { type, shape } = network.config;
  if (!(time >= 0 && time <= 1)) throw new ConfigError('modelFeatures.time', `wanted a time in [0, 1], got ${time}`);
  if (kind !== 'velocity') throw new ConfigError('modelFeatures.model', `wanted a velocity field, got a ${kind}`);
  checkedModel('modelFeatures.model', model);
  if (!network.features)
    throw new ConfigError(
      'modelFeatures.model',
      `the network '${type}' offers no features; use a discriminator of its own`,
    );
  const others = Object.keys(network.conditions).filter((name) => name !== 'label');
  if (others.length > 0) {
    throw new ConfigError('modelFeatures.model', `wanted no conditions but label, got ${others.join(', ')}`);
  }
  const classes = 'label' in network.conditions ? model.classes.length : 0;
  return {
    name: `${type} at t = ${time}`,
    shape,
    params,
    classes,
    apply(params, x, label) {
      const t = full(time, [x.shape[0]!]);
      return network.features!(params, { x, t, ...(label ? { conditions: { label } } : {}) });
    },
  };
}

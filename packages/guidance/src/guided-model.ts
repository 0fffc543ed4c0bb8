import { ConfigError, networkFromConfig, type Model, type Network, type NetworkConfig, prefixed } from '@flowmap/core';
import { requireKnownOptions } from '@flowmap/tensor';
import { nullConditions, requireNull, type NullConditions } from './internal/null-conditions.js';
import { both } from './internal/prefixes.js';
import { requireSameKind } from './internal/same-kind.js';
import { combine, requireScale, type GuidanceScale } from './internal/scale.js';
import { upgradedParams } from './internal/upgraded-params.js';

/**
 * A guided network: that of the strong model, that of the weak model unless it is the same, and how they are combined.
 */
export interface GuidedConfig extends NetworkConfig {
  readonly type: 'guided';
  readonly strong: NetworkConfig;
  readonly weak?: NetworkConfig;
  readonly guidance: GuidanceScale;
  /** The label given to the weak model, and the conditions that are zero for it. */
  readonly nullLabel?: number;
  readonly dropped?: readonly string[];
}

/** Options of {@link guidedModel}; any λ. */
export interface GuidedModelOptions extends GuidanceScale, NullConditions {
  readonly strong: Model;
  /** Unless given, the strong model under the null class or without the dropped conditions. */
  readonly weak?: Model;
  /** Called with a note for a fixed λ < 1, with which samples move towards the weak model. */
  readonly onNote?: (note: string) => void;
}

/**
 * Two velocity fields, or two flow maps, as one model whose output is `λ F_strong + (1 - λ) F_weak`; without a weak
 * model, classifier-free guidance. It can be sampled, frozen and distilled like any model; to load it from a file,
 * register {@link guidedNetwork}. Its parameters are `strong.*` and `weak.*`. Guiding the average velocities of flow
 * maps only approximates the flow map of the guided velocity, whereas a student distilled from that velocity learns it.
 *
 * @throws {ConfigError} for an invalid scale or interval, or a scale whose condition the model already has; naming what
 *   differs: the kind, the shape of samples, a class, a condition, the path, the parametrisation; without a weak model,
 *   when nothing is dropped
 */
export function guidedModel(options: GuidedModelOptions): Model {
  requireKnownOptions('guidedModel', options, {
    strong: true,
    weak: true,
    onNote: true,
    scale: true,
    interval: true,
    nullClass: true,
    dropped: true,
  });
  const { strong, weak, nullClass, dropped, scale, interval } = options;
  if (weak) {
    requireSameKind('guidedModel.weak', strong, weak);
    if (strong.kind !== weak.kind) {
      throw new ConfigError('guidedModel.weak', `the strong model is a ${strong.kind}, the weak one a ${weak.kind}`);
    }
    const [meaning, other] = [strong, weak].map(({ parametrization = 'euler' }) => parametrization);
    if (meaning !== other) {
      throw new ConfigError(
        'guidedModel.weak',
        `the parametrisation of the strong model is ${meaning}, its own ${other}`,
      );
    }
  }
  if (weak === undefined || nullClass !== undefined || dropped !== undefined)
    requireNull('guidedModel', options, strong);
  const config: GuidedConfig = {
    type: 'guided',
    shape: strong.network.config.shape,
    interval: strong.network.config.interval,
    strong: strong.network.config,
    ...(weak ? { weak: weak.network.config } : {}),
    guidance: { scale, ...(interval ? { interval } : {}) },
    ...(nullClass === undefined ? {} : { nullLabel: strong.classes.indexOf(nullClass) }),
    ...(dropped ? { dropped } : {}),
  };
  const network = guidedNetwork(config);
  if (typeof scale === 'number' && scale < 1) {
    options.onNote?.(`a guidance scale of ${scale} is below 1: it moves samples towards the weak model`);
  }
  const params = both(upgradedParams(strong), weak ? upgradedParams(weak) : {});
  return {
    kind: strong.kind,
    network,
    params,
    classes: strong.classes,
    ...(strong.path === undefined ? {} : { path: strong.path }),
    ...(strong.parametrization === undefined ? {} : { parametrization: strong.parametrization }),
  };
}

/**
 * The network of a {@link guidedModel}: `registerNetwork('guided', guidedNetwork)` makes its files loadable.
 *
 * @throws {ConfigError} for a network of an unknown type, or an invalid scale
 */
export function guidedNetwork(given: NetworkConfig): Network<GuidedConfig> {
  const config = given as GuidedConfig;
  requireScale('guidedModel', config.guidance);
  const { scale } = config.guidance;
  const strong = networkFromConfig(config.strong);
  const weak = config.weak && networkFromConfig(config.weak);
  if (typeof scale === 'string' && Object.hasOwn(strong.conditions, scale)) {
    throw new ConfigError('guidedModel.scale', `the model has a condition '${scale}' of its own`);
  }
  return {
    config,
    parameters: both(strong.parameters, weak?.parameters ?? {}),
    conditions: {
      ...strong.conditions,
      ...(typeof scale === 'string' ? { [scale]: { shape: [], dtype: 'float32' as const } } : {}),
    },
    init: (seed) => both(strong.init(seed), weak?.init(seed) ?? {}),
    apply(params, { x, t, s, conditions = {} }) {
      const own = Object.fromEntries(Object.entries(conditions).filter(([name]) => name !== scale));
      const times = { x, t, ...(s ? { s } : {}) };
      const untold = nullConditions(config, own);
      return combine(config.guidance, {
        strong: strong.apply(prefixed('strong', params), { ...times, conditions: own }),
        weak: (weak ?? strong).apply(prefixed(weak ? 'weak' : 'strong', params), { ...times, conditions: untold }),
        t,
        conditions,
      });
    },
  };
}

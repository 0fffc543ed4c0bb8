import { sameShape, specText, quoted } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { isRecord } from '../internal/json.js';
import { prefixed, withPrefix } from '../internal/names.js';
import { perSample } from '../path.js';
import type { Network, NetworkConfig, ParameterSpec } from '../plugins.js';

/**
 * A flow map's network that is exact at s = t: the frozen network of the velocity, and one for the difference
 * elsewhere.
 */
export interface ExactDiagonalConfig extends NetworkConfig {
  readonly type: 'exact-diagonal';
  readonly interval: true;
  /** The teacher's network. */
  readonly velocity: NetworkConfig;
  /** One with an interval input and the conditions of the teacher's. */
  readonly gap: NetworkConfig;
}

/**
 * `F(x, t, s) = v(x, t) + (t - s) G(x, t, s)`, which at s = t is the velocity v to the last bit, whatever G has learned.
 * The parameters `velocity.*` are fixed, `gap.*` are trained. Every evaluation evaluates both networks, so sampling takes
 * about twice as long, and a file is twice as large.
 *
 * @param config the configurations of the two networks
 * @param rebuild makes a network from its configuration
 * @throws {ConfigError} when a network has another sample shape, or the gap's network has no interval input or lacks a
 *   condition of the velocity's
 */
export function exactDiagonal(
  config: ExactDiagonalConfig,
  rebuild: (config: NetworkConfig) => Network,
): Network<ExactDiagonalConfig> {
  const [velocity, gap] = [partOf(config, 'velocity', rebuild), partOf(config, 'gap', rebuild)];
  const { type, shape } = config;
  requireInputs(type, velocity, gap);
  const fixed = (spec: ParameterSpec): ParameterSpec => ({ shape: spec.shape, dtype: spec.dtype, fixed: true });
  const frozen = Object.entries(velocity.parameters).map(([name, spec]) => [name, fixed(spec)] as const);
  return {
    config: { type, shape, interval: true, velocity: velocity.config, gap: gap.config },
    parameters: { ...withPrefix('velocity', Object.fromEntries(frozen)), ...withPrefix('gap', gap.parameters) },
    conditions: gap.conditions,
    ...(gap.draws === undefined ? {} : { draws: gap.draws }),
    init: (seed) => ({ ...withPrefix('velocity', velocity.init(seed)), ...withPrefix('gap', gap.init(seed)) }),
    upgrade(params) {
      const upgraded = (part: Network, name: string): typeof params => {
        const own = prefixed(name, params);
        return withPrefix(name, part.upgrade?.(own) ?? own);
      };
      return { ...upgraded(velocity, 'velocity'), ...upgraded(gap, 'gap') };
    },
    apply(params, inputs) {
      const { x, t, s, conditions = {} } = inputs;
      if (s === undefined) throw new ConfigError('s', 'a network with an interval input needs target times');
      const told = Object.entries(conditions).filter(([name]) => Object.hasOwn(velocity.conditions, name));
      // The teacher samples: s = t, and no draws.
      const times = velocity.config.interval ? { x, t, s: t } : { x, t };
      const v = velocity.apply(prefixed('velocity', params), { ...times, conditions: Object.fromEntries(told) });
      const G = gap.apply(prefixed('gap', params), inputs);
      return v.add(perSample(t.sub(s), x).mul(G));
    },
  };
}

function partOf(
  { type, shape, ...parts }: ExactDiagonalConfig,
  name: 'velocity' | 'gap',
  rebuild: (config: NetworkConfig) => Network,
): Network {
  const option = `${type}.${name}`;
  if (!isRecord(parts[name])) {
    throw new ConfigError(option, `wanted the configuration of a network, got ${quoted(parts[name])}`);
  }
  const network = rebuild(parts[name]);
  if (!sameShape(network.config.shape, shape)) {
    const got = `got one of [${network.config.shape.join(', ')}]`;
    throw new ConfigError(option, `wanted a network of samples [${shape.join(', ')}], ${got}`);
  }
  return network;
}

function requireInputs(type: string, velocity: Network, gap: Network): void {
  if (!gap.config.interval) {
    throw new ConfigError(`${type}.gap`, 'wanted a network with an interval input, this one has none');
  }
  for (const [name, spec] of Object.entries(velocity.conditions)) {
    const own = gap.conditions[name];
    if (own && sameShape(own.shape, spec.shape) && own.dtype === spec.dtype) continue;
    const got = own ? `as ${specText(own)}` : 'not at all';
    throw new ConfigError(
      `${type}.gap`,
      `wanted the velocity's condition '${name}' as ${specText(spec)}, got it ${got}`,
    );
  }
}

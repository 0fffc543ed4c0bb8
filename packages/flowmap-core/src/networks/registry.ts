import { quoted } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import type { Network, NetworkConfig } from '../plugins.js';
import { dit } from './dit.js';
import { exactDiagonal, type ExactDiagonalConfig } from './exact-diagonal.js';
import { mlp } from './mlp.js';
import { unet } from './unet.js';

/** Rebuilds a network from its configuration. */
export type NetworkFactory = (config: NetworkConfig) => Network;

const factories = new Map<string, NetworkFactory>([
  ['mlp', (config) => mlp(config)],
  ['dit', (config) => dit(config)],
  ['unet', (config) => unet(config)],
  ['exact-diagonal', (config) => exactDiagonal(config as ExactDiagonalConfig, networkFromConfig)],
]);

/**
 * Registers a type of network, so that its checkpoints can be loaded.
 *
 * @param type the `type` of its configurations
 * @param factory rebuilds the network from such a configuration; it should check what it reads
 * @throws {ConfigError} when the type is taken
 */
export function registerNetwork(type: string, factory: NetworkFactory): void {
  if (factories.has(type)) throw new ConfigError('type', `a network of type '${type}' is registered already`);
  factories.set(type, factory);
}

/**
 * The network that a configuration describes.
 *
 * @throws {ConfigError} for an unknown type, or for values the type's factory refuses
 */
export function networkFromConfig(config: NetworkConfig): Network {
  const factory = factories.get(config.type);
  if (factory === undefined) {
    const known = [...factories.keys()].join(', ');
    throw new ConfigError('type', `unknown network ${quoted(config.type)}; known are ${known} (see registerNetwork)`);
  }
  return factory(config);
}

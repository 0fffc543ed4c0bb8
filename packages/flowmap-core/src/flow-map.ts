import type { Tensor, Tensors } from '@flowmap/tensor';
import { ConfigError } from './errors.js';
import { perSample } from './path.js';
import type { FlowMap, Network } from './plugins.js';

/**
 * A network as a flow map by the Euler parametrisation `f(x, t, s) = x + (s - t) F(x, t, s)` (AYF), with which
 * the boundary condition `f(x, t, t) = x` holds exactly whatever the network says.
 *
 * @param network `F`; one without an interval input is a velocity field, and `f` then its Euler step
 * @param params its symbolic parameters
 * @param label int32 `[batch]`; needed when the network has classes
 * @throws {ConfigError} when the network has classes and no label is given
 */
export function flowMap(network: Network, params: Tensors, label?: Tensor): FlowMap {
  if (network.config.classes > 0 && label === undefined) {
    throw new ConfigError(
      'label',
      `the network has ${network.config.classes} classes and needs a label for each sample`,
    );
  }
  const condition = network.config.classes > 0 && label ? { label } : {};
  const averageVelocity = (x: Tensor, t: Tensor, s: Tensor): Tensor =>
    network.apply(params, { x, t, ...(network.config.interval ? { s } : {}), ...condition });
  return {
    averageVelocity,
    map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(averageVelocity(x, t, s))),
  };
}

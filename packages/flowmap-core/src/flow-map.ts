import type { Tensor, Tensors } from '@flowmap/tensor';
import { perSample } from './path.js';
import type { FlowMap, Network } from './plugins.js';

/**
 * A network as a flow map by the Euler parametrisation `f(x, t, s) = x + (s - t) F(x, t, s)` (AYF), with which
 * the boundary condition `f(x, t, t) = x` holds exactly whatever the network says.
 *
 * @param network `F`; one without an interval input is a velocity field, and `f` then its Euler step
 * @param params its symbolic parameters
 * @param options.conditions what the network is told of each sample, by name, each `[batch, ...shape]`
 * @param options.draws the network's random numbers of a training step, by name; without them it is the network that samples
 * @throws {ConfigError} on tracing, for conditions or draws that the network lacks or does not take
 */
export function flowMap(
  network: Network,
  params: Tensors,
  options: { readonly conditions?: Tensors; readonly draws?: Tensors } = {},
): FlowMap {
  const averageVelocity = (x: Tensor, t: Tensor, s: Tensor): Tensor =>
    network.apply(params, { x, t, ...(network.config.interval ? { s } : {}), ...options });
  return {
    averageVelocity,
    map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(averageVelocity(x, t, s))),
    under: (conditions) =>
      flowMap(network, params, { ...options, conditions: { ...options.conditions, ...conditions } }),
  };
}

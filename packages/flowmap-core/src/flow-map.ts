import { requireKnownOptions, type Tensor, type Tensors } from '@flowmap/tensor';
import { eulerParametrization, type Parametrization } from './parametrization.js';
import { perSample } from './path.js';
import type { FlowMap, Network } from './plugins.js';

/**
 * A network as a flow map, `f(x, t, s) = skip(t, s) x + out(t, s) output`. The boundary condition `f(x, t, t) = x`
 * holds exactly, whatever the network outputs. With the Euler parametrisation this is
 * `f(x, t, s) = x + (s - t) F(x, t, s)` (AYF), with the network's output as the average velocity.
 *
 * @param network a network without an interval input is a velocity field, and `f` is then its Euler step
 * @param params its symbolic parameters
 * @param options.conditions the network's conditions by name, each `[batch, ...shape]`
 * @param options.draws the network's random numbers for a training step, by name; without them it is the network used
 *   for sampling
 * @param options.parametrization what the network's output means; `eulerParametrization` unless given
 * @throws {ConfigError} on tracing, for conditions or draws that the network lacks or does not take
 */
export function flowMap(
  network: Network,
  params: Tensors,
  options: {
    readonly conditions?: Tensors;
    readonly draws?: Tensors;
    readonly parametrization?: Parametrization;
  } = {},
): FlowMap {
  requireKnownOptions('flowMap', options, { conditions: true, draws: true, parametrization: true });
  const { parametrization = eulerParametrization, ...given } = options;
  const output = (x: Tensor, t: Tensor, s: Tensor): Tensor =>
    network.apply(params, { x, t, ...(network.config.interval ? { s } : {}), ...given });
  return {
    averageVelocity: (x, t, s) => parametrization.averageVelocity(output(x, t, s), x, t, s),
    map(x, t, s) {
      const [skip, out] = [parametrization.skip(t, s), parametrization.out(t, s)];
      const kept = perSample(skip, x).mul(x);
      return kept.add(perSample(out, x).mul(output(x, t, s)));
    },
    under: (conditions) =>
      flowMap(network, params, { ...options, conditions: { ...options.conditions, ...conditions } }),
  };
}

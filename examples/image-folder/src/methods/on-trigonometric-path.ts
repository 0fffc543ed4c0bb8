import {
  linearPath,
  networkFromConfig,
  registerNetwork,
  trigonometricPath,
  velocityOnPath,
  type Model,
  type Network,
  type NetworkConfig,
} from '@flowmap/core';
import type { Tensor } from '@flowmap/tensor';

/** A network of the linear path that is asked on the trigonometric one. */
interface OnTrigonometricPath extends NetworkConfig {
  readonly type: 'on-trigonometric-path';
  /** The network of the linear path. */
  readonly network: NetworkConfig;
}

/**
 * The same velocity field on the trigonometric path, with the same parameters. Its ODE leads from each noise to the same
 * data.
 *
 * @param teacher a velocity field on the linear path
 */
export function onTrigonometricPath(teacher: Model): Model {
  const network = teacher.network.config;
  const { shape, interval } = network;
  const config: OnTrigonometricPath = { type: 'on-trigonometric-path', shape, interval, network };
  return { ...teacher, network: networkFromConfig(config), path: 'trigonometric' };
}

/** A student's target time, too, is asked for on the linear path. */
function onPath(given: NetworkConfig): Network<OnTrigonometricPath> {
  const config = given as OnTrigonometricPath;
  const inner = networkFromConfig({ ...config.network, interval: config.interval });
  const { features: _, ...kept } = inner;
  return {
    ...kept,
    config,
    apply(params, { s, ...inputs }) {
      const target = s === undefined ? {} : { s: linearTime(s) };
      const field = {
        parameters: {},
        velocity: (_: unknown, located: typeof inputs) => inner.apply(params, { ...located, ...target }),
      };
      return velocityOnPath(field, { from: linearPath, to: trigonometricPath }).velocity(params, inputs);
    },
  };
}

/** The time of the linear path with the same ratio of noise to data. */
function linearTime(t: Tensor): Tensor {
  const { alpha, sigma } = trigonometricPath.at(t);
  return linearPath.locate(alpha, sigma).time;
}

registerNetwork('on-trigonometric-path', onPath);

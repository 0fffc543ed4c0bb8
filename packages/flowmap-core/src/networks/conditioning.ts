import { concat, constant, oneHot, type Tensor, type Tensors } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import type { NetworkConfig, NetworkInputs } from '../plugins.js';
import { collect, dense, type ParameterSpecs } from './layers.js';

/** Number of sinusoids per time, half of them sines. */
const FREQUENCIES = 32;

/** Angular frequencies span this range: higher ones would multiply the time derivative that distillation needs. */
const LOWEST = 1.5;
const HIGHEST = 25;

/**
 * Sinusoidal features of times: `[cos(w_k t), sin(w_k t)]` with angular frequencies `w_k` spaced geometrically between 1.5
 * and 25. They are features of `t` itself, since the usual `log sigma` has a derivative without bound at the ends of the path
 * (AYF, which takes `c_noise(t) = t`).
 *
 * @param t `[batch]`
 * @returns `[batch, 2 FREQUENCIES]`
 */
export function timeFeatures(t: Tensor): Tensor {
  const ratio = HIGHEST / LOWEST;
  const frequencies = Array.from({ length: FREQUENCIES }, (_, k) => LOWEST * ratio ** (k / (FREQUENCIES - 1)));
  const angles = t.reshape([-1, 1]).mul(constant(frequencies, [1, FREQUENCIES]));
  return concat([angles.cos(), angles.sin()], 1);
}

/** Turns times and class into one vector per sample. */
export interface Conditioning {
  readonly parameters: ParameterSpecs;
  /** `[batch, width]`, before the activation that its users apply. */
  apply(params: Tensors, inputs: NetworkInputs): Tensor;
}

/**
 * `c = W_2 silu(W_1 features(t)) + V_2 silu(V_1 features(t - s)) + E[label]`. The interval's output layer `V_2` starts at
 * zero, so that a flow map initialised from a velocity field is that field: `F(x, t, s) = v(x, t)`.
 *
 * @throws {ConfigError} when an input that the configuration asks for is missing
 */
export function conditioning(config: NetworkConfig, width: number): Conditioning {
  const features = 2 * FREQUENCIES;
  const time = [dense('time.0', features, width), dense('time.1', width, width)] as const;
  const interval = [dense('interval.0', features, width), dense('interval.1', width, width, { zero: true })] as const;
  const embedding = { 'class.weight': { shape: [config.classes, width], std: 1 } };
  const classes = config.classes > 0 ? [{ parameters: embedding }] : [];
  return {
    parameters: collect([...time, ...(config.interval ? interval : []), ...classes]),
    apply(params, { t, s, label }) {
      let c = time[1].apply(params, time[0].apply(params, timeFeatures(t)).silu());
      if (config.interval) {
        if (s === undefined) throw new ConfigError('s', 'a network with an interval input needs target times');
        c = c.add(interval[1].apply(params, interval[0].apply(params, timeFeatures(t.sub(s))).silu()));
      }
      if (config.classes > 0) {
        if (label === undefined) throw new ConfigError('label', 'a network with classes needs labels');
        c = c.add(oneHot(label, config.classes).matmul(params['class.weight']!));
      }
      return c;
    },
  };
}

import {
  constant,
  inWords,
  requireKnownOptions,
  sameShape,
  ShapeError,
  type HostTensor,
  type Shape,
  type Tensor,
} from '@flowmap/tensor';
import { ConfigError } from '../errors.js';

/** What samples are wanted to have much of, as a differentiable function of them over symbolic tensors. */
export interface Reward {
  /**
   * The reward of each sample, `[batch]`.
   *
   * @param data samples `[batch, ...shape]`
   * @param noise standard normal, `[batch, ...noise]`; left out where the reward itself is wanted
   */
  value(data: Tensor, noise?: Tensor): Tensor;
  /** Shape of the noise for one sample, for a reward that takes noise into account; none unless given. */
  readonly noise?: Shape;
}

/** Options of {@link measurement}. */
export interface MeasurementOptions {
  /** What is measured of samples `[batch, ...shape]`, differentiable, `[batch, ...]`: a mask, a blur, a mean. */
  readonly of: (data: Tensor) => Tensor;
  /** What was measured, float32, shaped as the measurement of one sample. */
  readonly value: HostTensor;
  /** Standard deviation of the measurement's error, > 0, in the units of its values. */
  readonly std: number;
}

/**
 * The log-likelihood of a measurement `y = A(x) + ρ e` with normal errors, `-|y - A(x)|² / (2 ρ²)`, as a reward.
 *
 * @throws {ConfigError} for an unknown option, or a standard deviation that is not a number > 0
 * @throws {ShapeError} on tracing, for a measurement of another shape than its value
 *
 * @example
 * const seen = measurement({ of: (x) => averagePool2d(x, 4), value: thumbnail, std: 0.05 });
 */
export function measurement(options: MeasurementOptions): Reward {
  requireKnownOptions('measurement', options, { of: true, value: true, std: true });
  const { of, value, std } = options;
  if (!(std > 0 && std < Infinity))
    throw new ConfigError('measurement.std', `wanted a number > 0, got ${inWords(std)}`);
  return {
    noise: value.shape,
    value(data, noise) {
      const measured = of(data);
      if (!sameShape(measured.shape.slice(1), value.shape)) {
        throw new ShapeError('measurement.of', `[batch, ${value.shape.join(', ')}], as its value`, [measured.shape]);
      }
      const seen = constant(value.data, value.shape).reshape([1, ...value.shape]);
      const wanted = noise ? seen.add(noise.mul(std)) : seen.broadcastTo(measured.shape);
      const squares = measured.sub(wanted).square();
      return squares.sum(squares.shape.map((_, axis) => axis).slice(1)).mul(-0.5 / std ** 2);
    },
  };
}

/** A reward, also if it is given as its function alone. */
export function rewardOf(given: Reward | Reward['value']): Reward {
  return typeof given === 'function' ? { value: given } : given;
}

/**
 * The rewards of a batch.
 *
 * @throws {ShapeError} for anything but one number for each sample
 */
export function checkedValue(reward: Reward, data: Tensor, noise?: Tensor): Tensor {
  const value = reward.value(data, noise);
  const wanted = data.shape.slice(0, 1);
  if (!sameShape(value.shape, wanted))
    throw new ShapeError('reward', `one for each sample, [${wanted[0]!}]`, [value.shape]);
  return value;
}

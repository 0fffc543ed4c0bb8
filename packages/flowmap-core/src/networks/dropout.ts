import { full, select, quoted, type Tensor, type Tensors } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import type { DrawSpecs } from './layers.js';

/** A part of a network that drops units, or whole channels, of each sample during training. */
export interface Dropout {
  /** The random numbers that it takes. */
  readonly draws: DrawSpecs;
  /**
   * `x` with each unit kept where its draw is >= rate and then divided by 1 - rate, else 0; `x` itself without draws.
   *
   * @param x `[batch, units, …]`
   */
  apply(x: Tensor, draws: Tensors | undefined): Tensor;
}

/**
 * Dropout (Srivastava et al. 2014), scaled during training so that sampling needs no change.
 *
 * @param name name of its draws, uniform numbers in [0, 1), `[units]` for each sample
 * @param units number of units or channels, the size of the second axis of its input
 * @param rate share of units that are dropped, in [0, 1); 0 takes no draws and changes nothing
 */
export function dropout(name: string, units: number, rate: number): Dropout {
  if (rate === 0) return { draws: {}, apply: (x) => x };
  return {
    draws: { [name]: { shape: [units], dtype: 'float32' } },
    apply(x, draws) {
      const draw = draws?.[name];
      if (draw === undefined) return x;
      const dropped = draw.less(rate).reshape([...draw.shape, ...x.shape.slice(2).map(() => 1)]);
      return x.mul(select(dropped, 0, full(1 / (1 - rate), [], x.dtype)));
    },
  };
}

/**
 * Checks a dropout rate.
 *
 * @throws {ConfigError} when it is not a number in [0, 1)
 */
export function requireRate(option: string, rate: number): void {
  if (!(typeof rate === 'number' && rate >= 0 && rate < 1)) {
    throw new ConfigError(option, `wanted a number in [0, 1), got ${quoted(rate)}`);
  }
}

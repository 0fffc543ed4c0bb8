import type { InitialSpec, Layer } from '@flowmap/core';
import { conv2d, linear } from '@flowmap/tensor';

/** Options of an equalised layer. */
interface EqualisedOptions {
  /** Factor of the weights; the square root of 2 keeps the variance through a leaky rectifier. */
  readonly gain?: number;
  readonly bias?: boolean;
}

/**
 * `x W gain / sqrt(inputs) + b`, `W: [inputs, outputs]`. The equalised learning rate (Karras et al. 2018): weights are
 * normal numbers of variance 1 and scaled when they are used, so that all layers learn at the same speed.
 */
export function equalisedDense(name: string, inputs: number, outputs: number, { gain = 1 } = {}): Layer {
  const [weight, bias] = [`${name}.weight`, `${name}.bias`];
  const scale = gain / Math.sqrt(inputs);
  return {
    parameters: { [weight]: { shape: [inputs, outputs], std: 1 }, [bias]: { shape: [outputs], std: 0 } },
    apply: (params, x) => linear(x, params[weight]!.mul(scale), params[bias]),
  };
}

/** Convolution with size-preserving padding and weights as in {@link equalisedDense}. */
export function equalisedConvolution(
  name: string,
  inputs: number,
  outputs: number,
  kernel: number,
  { gain = 1, bias = true }: EqualisedOptions = {},
): Layer {
  const scale = gain / Math.sqrt(inputs * kernel ** 2);
  const weight: InitialSpec = { shape: [outputs, inputs, kernel, kernel], std: 1 };
  return {
    parameters: { [`${name}.weight`]: weight, ...(bias ? { [`${name}.bias`]: { shape: [outputs], std: 0 } } : {}) },
    apply(params, x) {
      const y = conv2d(x, params[`${name}.weight`]!.mul(scale), { padding: (kernel - 1) / 2 });
      return bias ? y.add(params[`${name}.bias`]!.reshape([1, outputs, 1, 1])) : y;
    },
  };
}

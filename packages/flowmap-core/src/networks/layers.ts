import { conv2d, hostTensor, linear, normals, sizeOf } from '@flowmap/tensor';
import type { HostTensors, Shape, Tensor, Tensors } from '@flowmap/tensor';

/** Initial values of a parameter: normal numbers of this standard deviation, 0 for zeros. */
export interface ParameterSpec {
  readonly shape: Shape;
  readonly std: number;
}

/** Parameters by name. */
export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;

/** A part of a network: the parameters it declares and the function it is of them. */
export interface Layer<Arguments extends readonly unknown[] = [x: Tensor]> {
  readonly parameters: ParameterSpecs;
  apply(params: Tensors, ...args: Arguments): Tensor;
}

/** `x W + b` on the last axis, `W: [inputs, outputs]` of variance 1 / inputs; `zero` starts as the zero function. */
export function dense(name: string, inputs: number, outputs: number, { zero = false } = {}): Layer {
  const [weight, bias] = [`${name}.weight`, `${name}.bias`];
  return {
    parameters: {
      [weight]: { shape: [inputs, outputs], std: zero ? 0 : 1 / Math.sqrt(inputs) },
      [bias]: { shape: [outputs], std: 0 },
    },
    apply: (params, x) => linear(x, params[weight]!, params[bias]),
  };
}

/** Convolution with padding that keeps the size and a bias per channel, weights of variance 1 / (inputs kernel^2). */
export function convolution(
  name: string,
  inputs: number,
  outputs: number,
  kernel: number,
  { zero = false } = {},
): Layer {
  const [weight, bias] = [`${name}.weight`, `${name}.bias`];
  return {
    parameters: {
      [weight]: { shape: [outputs, inputs, kernel, kernel], std: zero ? 0 : 1 / Math.sqrt(inputs * kernel ** 2) },
      [bias]: { shape: [outputs], std: 0 },
    },
    apply: (params, x) =>
      conv2d(x, params[weight]!, { padding: (kernel - 1) / 2 }).add(params[bias]!.reshape([1, outputs, 1, 1])),
  };
}

/** All parameters of several parts. */
export function collect(parts: readonly { readonly parameters: ParameterSpecs }[]): ParameterSpecs {
  return Object.assign({}, ...parts.map((part) => part.parameters)) as ParameterSpecs;
}

/** Draws initial values; each parameter has its own stream, so that adding one does not change the others. */
export function initialize(parameters: ParameterSpecs, seed: number): HostTensors {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, std }]) => {
      const values =
        std === 0 ? new Float32Array(sizeOf(shape)) : normals({ seed, purpose: `init ${name}` }, sizeOf(shape));
      return [
        name,
        hostTensor(
          shape,
          Float32Array.from(values, (value) => std * value),
        ),
      ];
    }),
  );
}

import { conv2d, hostTensor, linear, normals, requireKnownOptions, sameShape, sizeOf } from '@flowmap/tensor';
import type { HostTensor, HostTensors, Shape, Tensor, Tensors, TensorSpec } from '@flowmap/tensor';
import type { ParameterSpec } from '../plugins.js';

/** A float32 parameter with its initial values: normal numbers of this standard deviation, 0 for zeros. */
export interface InitialSpec extends Pick<ParameterSpec, 'shape' | 'fixed' | 'project'> {
  readonly std: number;
  /** Its form in files of an earlier version, if that differs. */
  readonly earlier?: EarlierForm;
}

/** A parameter as it was in an earlier version. */
export interface EarlierForm {
  readonly shape: Shape;
  /** Converts it to the current parameter with which the network computes the same function. */
  readonly upgraded: (value: HostTensor) => HostTensor;
}

/** Parameters by name. */
export type InitialSpecs = Readonly<Record<string, InitialSpec>>;

/** Random numbers by name, each with its shape for one sample. */
export type DrawSpecs = Readonly<Record<string, TensorSpec>>;

/** A part of a network: the parameters it declares and the function it computes with them. */
export interface Layer<Arguments extends readonly unknown[] = [x: Tensor]> {
  readonly parameters: InitialSpecs;
  /** Random numbers that it takes in training, by name, each with its shape for one sample. */
  readonly draws?: DrawSpecs;
  apply(params: Tensors, ...args: Arguments): Tensor;
}

/** `x W + b` on the last axis, `W: [inputs, outputs]` of variance 1 / inputs; `zero` starts as the zero function. */
export function dense(name: string, inputs: number, outputs: number, options: { readonly zero?: boolean } = {}): Layer {
  requireKnownOptions('dense', options, { zero: true });
  const { zero = false } = options;
  const [weight, bias] = [`${name}.weight`, `${name}.bias`];
  return {
    parameters: {
      [weight]: { shape: [inputs, outputs], std: zero ? 0 : 1 / Math.sqrt(inputs) },
      [bias]: { shape: [outputs], std: 0 },
    },
    apply: (params, x) => linear(x, params[weight]!, params[bias]),
  };
}

/** Convolution with size-preserving padding and a bias per channel; the weights have variance 1 / (inputs kernel^2). */
export function convolution(
  name: string,
  inputs: number,
  outputs: number,
  kernel: number,
  options: { readonly zero?: boolean } = {},
): Layer {
  requireKnownOptions('convolution', options, { zero: true });
  const { zero = false } = options;
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

/** The parameters of several parts together. */
export function collect(parts: readonly { readonly parameters: InitialSpecs }[]): InitialSpecs {
  return Object.assign({}, ...parts.map((part) => part.parameters)) as InitialSpecs;
}

/** The draws of several parts together. */
export function collectDraws(parts: readonly { readonly draws?: DrawSpecs }[]): DrawSpecs {
  return Object.assign({}, ...parts.map((part) => part.draws)) as DrawSpecs;
}

/** Converts parameters that are in an earlier form to the current one; the others are unchanged. */
export function upgraded(parameters: InitialSpecs, values: HostTensors): HostTensors {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const earlier = Object.hasOwn(parameters, name) ? parameters[name]!.earlier : undefined;
      return [name, earlier && sameShape(value.shape, earlier.shape) ? earlier.upgraded(value) : value];
    }),
  );
}

/**
 * Draws initial values; each parameter has its own random stream, so adding or omitting one does not change the others.
 *
 * @param only names of the parameters to draw; all unless given
 */
export function initialize(
  parameters: InitialSpecs,
  seed: number,
  only: readonly string[] = Object.keys(parameters),
): HostTensors {
  return Object.fromEntries(
    only.map((name) => {
      const { shape, std } = parameters[name]!;
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

import type { ConvAttributes, Tensor } from '@flowmap/tensor';
import type { Graph } from '../graph.js';
import type { Context, Lowering } from './context.js';
import { weightGradient } from './conv-weight-gradient.js';

type ConvPrimitive = 'conv2d' | 'conv2dInputGradient' | 'conv2dWeightGradient';

export const conv: { readonly [P in ConvPrimitive]: Lowering<P> } = {
  conv2d: (tensor, context) => correlate(tensor, context),

  conv2dInputGradient: ({ operands: [gradient, weight], attributes, shape }, { graph, value }) => {
    const { stride, padding, size } = attributes;
    const kernel = weight!.shape.slice(2);
    if (isDense(stride) && shape[1]! >= FEW_CHANNELS && padding.every((p, i) => p < kernel[i]!)) {
      const opposite = padding.map((p, i) => kernel[i]! - 1 - p);
      return graph.node('Conv', [value(gradient!), flipped(value(weight!), kernel, graph)], window(stride, opposite));
    }
    const reached = [0, 1].map((i) => (gradient!.shape[i + 2]! - 1) * stride[i]! + kernel[i]! - 2 * padding[i]!);
    return graph.node('ConvTranspose', [value(gradient!), value(weight!)], {
      ...window(stride, padding),
      output_padding: [0, 1].map((i) => size[i]! - reached[i]!),
    });
  },

  conv2dWeightGradient: weightGradient,
};

/**
 * With fewer result channels than this, a convolution is a product with too few rows to be fast, and its transpose, which
 * scatters the taps of one product with all of them, is faster.
 */
const FEW_CHANNELS = 16;

/** A convolution, with a bias per result channel where one is given. */
export function correlate(tensor: Tensor<'conv2d'>, { graph, value }: Context, bias?: Tensor): string {
  const [x, weight] = tensor.operands as readonly [Tensor, Tensor];
  const { stride, padding } = tensor.attributes;
  const [channels, , ...kernel] = weight.shape as [number, number, number, number];
  const addends = bias
    ? [bias.rank === 1 ? value(bias) : graph.node('Reshape', [value(bias), graph.integers([channels])])]
    : [];
  if (isDense(stride) && channels < FEW_CHANNELS && padding.every((p, i) => p < kernel[i]!)) {
    const opposite = padding.map((p, i) => kernel[i]! - 1 - p);
    const inputs = [value(x), flipped(value(weight), kernel, graph), ...addends];
    return graph.node('ConvTranspose', inputs, window(stride, opposite));
  }
  return graph.node('Conv', [value(x), value(weight), ...addends], window(stride, padding));
}

/** The kernel of the adjoint convolution: in and out channels exchanged, every tap at the opposite place. */
function flipped(weight: string, kernel: readonly number[], graph: Graph): string {
  const exchanged = graph.node('Transpose', [weight], { perm: [1, 0, 2, 3] });
  if (kernel.every((extent) => extent === 1)) return exchanged;
  const [last, beyond, axes, steps] = [[-1, -1], kernel.map((extent) => -extent - 1), [2, 3], [-1, -1]];
  return graph.node('Slice', [exchanged, ...[last, beyond, axes, steps].map((values) => graph.integers(values))]);
}

function isDense(stride: ConvAttributes['stride']): boolean {
  return stride.every((step) => step === 1);
}

function window(stride: readonly number[], padding: readonly number[]): Record<string, readonly number[]> {
  return { strides: stride, pads: [...padding, ...padding] };
}

import type { ConvAttributes, Shape, Tensor } from '@flowmap/tensor';
import type { Attribute, Graph } from '../graph.js';
import { blockedAdjoint, blockedConv, blockedKernel, isBlocked } from './blocked-conv.js';
import type { Context, Lowering } from './context.js';
import { weightGradient } from './conv-weight-gradient.js';
import { isMinimal, minimalConv } from './minimal-conv.js';
import { reversed } from './shapes.js';

type ConvPrimitive = 'conv2d' | 'conv2dInputGradient' | 'conv2dWeightGradient';

export const conv: { readonly [P in ConvPrimitive]: Lowering<P> } = {
  conv2d: (tensor, context) => correlate(tensor, context),

  conv2dInputGradient: ({ operands: [gradient, weight], attributes, shape }, context) => {
    const { graph, value } = context;
    const { stride, padding, dilation, size } = attributes;
    const kernel = weight!.shape.slice(2);
    if (shape[1]! >= FEW_CHANNELS && isTurnable(attributes, kernel)) {
      if (isBlocked(weight!, attributes, context)) {
        const turned = { ...attributes, padding: opposite(padding, kernel) };
        return blockedConv(gradient!, blockedAdjoint(weight!, context), window(turned), context);
      }
      return graph.node(
        'Conv',
        [value(gradient!), turned(value(weight!), weight!.shape, graph)],
        window({ ...attributes, padding: opposite(padding, kernel) }),
      );
    }
    const reached = [0, 1].map((i) => {
      return (gradient!.shape[i + 2]! - 1) * stride[i]! + dilation[i]! * (kernel[i]! - 1) + 1 - 2 * padding[i]!;
    });
    return graph.node('ConvTranspose', [value(gradient!), value(weight!)], {
      ...window(attributes),
      output_padding: [0, 1].map((i) => size[i]! - reached[i]!),
    });
  },

  conv2dWeightGradient: weightGradient,
};

/**
 * With fewer result channels than this, a convolution is a product with too few rows to be fast; its transpose, which
 * computes one product for all taps and scatters them, is faster.
 */
const FEW_CHANNELS = 16;

/** A convolution, with a bias per result channel if given. */
export function correlate(tensor: Tensor<'conv2d'>, context: Context, bias?: Tensor): string {
  const { graph, value } = context;
  const [x, weight] = tensor.operands as readonly [Tensor, Tensor];
  const { attributes } = tensor;
  const [channels, , ...kernel] = weight.shape as [number, number, number, number];
  const addends = bias
    ? [bias.rank === 1 ? value(bias) : graph.node('Reshape', [value(bias), graph.integers([channels])])]
    : [];
  if (channels < FEW_CHANNELS && isTurnable(attributes, kernel)) {
    const inputs = [value(x), turned(value(weight), weight.shape, graph), ...addends];
    return graph.node(
      'ConvTranspose',
      inputs,
      window({ ...attributes, padding: opposite(attributes.padding, kernel) }),
    );
  }
  if (isMinimal(tensor, context)) return minimalConv(tensor, context, addends[0]);
  if (isBlocked(weight, attributes, context)) {
    return blockedConv(x, blockedKernel(weight, context), window(attributes), context, addends[0]);
  }
  return graph.node('Conv', [value(x), value(weight), ...addends], window(attributes));
}

/** Whether a convolution is the adjoint of one with the kernel rotated by 180 degrees. */
function isTurnable({ stride, padding, dilation, groups }: ConvAttributes, kernel: readonly number[]): boolean {
  return [...stride, ...dilation, groups].every((n) => n === 1) && padding.every((p, i) => p < kernel[i]!);
}

function opposite([top, left]: ConvAttributes['padding'], kernel: readonly number[]): [number, number] {
  return [kernel[0]! - 1 - top, kernel[1]! - 1 - left];
}

/** The kernel of the adjoint convolution: input and output channels exchanged, every tap at the opposite position. */
function turned(weight: string, [o, c, kh, kw]: Shape, graph: Graph): string {
  const exchanged = graph.node('Transpose', [weight], { perm: [1, 0, 2, 3] });
  return kh === 1 && kw === 1 ? exchanged : reversed(exchanged, [c!, o!, kh!, kw!], [2, 3], graph);
}

function window({ stride, padding, dilation, groups }: ConvAttributes): Record<string, Attribute> {
  const geometry = { strides: stride, pads: [...padding, ...padding] };
  return {
    ...geometry,
    ...(dilation.every((n) => n === 1) ? {} : { dilations: dilation }),
    ...(groups === 1 ? {} : { group: groups }),
  };
}

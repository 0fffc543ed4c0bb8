import type { Tensor } from '@flowmap/tensor';
import { convWithBias } from './fusion.js';
import type { Fusion, IsPrivate } from './rules.js';

/**
 * A convolution with a constant kernel whose results are cut off, as by ReLU and ReLU6: onnxruntime computes `Relu` and
 * `Clip` in the pass of the convolution, and keeps the layout of its channels from one to the next, but not `Max` and
 * `Min`.
 */
export const cutOffConv: Fusion = (tensor, isPrivate) => {
  if (tensor.dtype !== 'float32') return undefined;
  const upper = bounded(tensor, 'minimum');
  if (upper !== undefined && !isPrivate(upper.x)) return undefined;
  const lower = bounded(upper?.x ?? tensor, 'maximum');
  if (lower === undefined || !isPrivate(lower.x)) return undefined;
  if (upper === undefined ? lower.bound !== 0 : lower.bound > upper.bound) return undefined;
  const conv = constantConv(lower.x, isPrivate);
  return (
    conv && {
      operands: conv.operands,
      emit: (context) => {
        const { graph } = context;
        const result = conv.emit(context);
        if (upper === undefined) return graph.node('Relu', [result]);
        return graph.node('Clip', [result, graph.scalar(lower.bound), graph.scalar(upper.bound)]);
      },
    }
  );
};

/** The larger, or the smaller, of a tensor and a number. */
function bounded(tensor: Tensor, primitive: 'maximum' | 'minimum'): { x: Tensor; bound: number } | undefined {
  if (!tensor.is(primitive)) return undefined;
  const [a, b] = tensor.operands as readonly [Tensor, Tensor];
  const [x, limit] = a.is('constant') ? [b, a] : [a, b];
  if (!limit.is('constant') || limit.attributes.data.length !== 1) return undefined;
  return { x, bound: limit.attributes.data[0]! };
}

function constantConv(tensor: Tensor, isPrivate: IsPrivate): ReturnType<typeof convWithBias> {
  const conv = [tensor, ...tensor.operands].find((part) => part.is('conv2d'));
  return conv?.operands[1]!.is('constant') ? convWithBias(tensor, isPrivate) : undefined;
}

import type { ConvAttributes, Tensor } from '@flowmap/tensor';
import type { Attribute } from '../graph.js';
import type { Context } from './context.js';

/**
 * Convolutions in the layout that onnxruntime calls NCHWc: channels in blocks of the processor's vector length,
 * `[n, c / b, h, w, b]`, and kernels as `[o / b, c / b, kh, kw, b of c, b of o]`. Unlike a matrix product, they need no
 * copy of every pixel per tap. onnxruntime converts convolutions with a constant kernel to this layout by itself, but
 * in training the kernel is not constant.
 *
 * `ReorderInput` makes `[n, c / b, pixels, b]` of `[n, c, pixels]`: of an image, and of a kernel in two steps.
 */
const domain = 'com.microsoft.nchwc';

/** Whether a convolution is faster in blocks, whichever of the kernel's channels are the result's. */
export function isBlocked(weight: Tensor, { groups }: ConvAttributes, { channelBlock }: Context): boolean {
  const [o, c, kh, kw] = weight.shape as [number, number, number, number];
  if (channelBlock === undefined || groups !== 1 || weight.dtype !== 'float32' || weight.is('constant')) return false;
  return kh * kw > 1 && o % channelBlock === 0 && c % channelBlock === 0;
}

/** A convolution with a kernel in blocks; image and result are in the usual layout. */
export function blockedConv(
  x: Tensor,
  { name, size: [channels, ...size] }: BlockedKernel,
  window: Readonly<Record<string, Attribute>>,
  { graph, value }: Context,
  bias?: string,
): string {
  const image = graph.node(`${domain}.ReorderInput`, [value(x)]);
  const inputs = [image, name, ...(bias === undefined ? [] : [bias])];
  const result = graph.node(`${domain}.Conv`, inputs, { ...window, kernel_shape: size });
  return graph.node(`${domain}.ReorderOutput`, [result], { channels });
}

/** A kernel in blocks. */
export interface BlockedKernel {
  readonly name: string;
  /** Channels of the result, height and width. */
  readonly size: readonly [number, number, number];
}

/** The kernel of a convolution, in blocks. */
export function blockedKernel(weight: Tensor, { graph, value }: Context): BlockedKernel {
  const [o, c, kh, kw] = weight.shape as [number, number, number, number];
  const ofInputs = graph.node(`${domain}.ReorderInput`, [value(weight)]);
  const rows = graph.node('Reshape', [ofInputs, graph.integers([1, o, c, kh * kw])]);
  const blocks = graph.node(`${domain}.ReorderInput`, [rows]);
  const name = graph.node('Reshape', [blocks, graph.integers([o, c, kh, kw])]);
  return { name, size: [o, kh, kw] };
}

/**
 * The kernel of the convolution that is the adjoint of the weight's: input and output channels exchanged, taps in
 * opposite order.
 */
export function blockedAdjoint(weight: Tensor, { graph, value, channelBlock }: Context): BlockedKernel {
  const [o, c, kh, kw] = weight.shape as [number, number, number, number];
  const [b, taps] = [channelBlock!, kh * kw];
  const reshaped = (name: string, shape: readonly number[]): string =>
    graph.node('Reshape', [name, graph.integers(shape)]);
  const ofInputs = graph.node(`${domain}.ReorderInput`, [reshaped(value(weight), [1, o, c, taps])]);
  const exchanged = graph.node('Transpose', [reshaped(ofInputs, [o / b, c, taps * b])], { perm: [1, 0, 2] });
  const opposite = graph.integers(Array.from({ length: taps }, (_, i) => taps - 1 - i));
  const turned = graph.node('Gather', [reshaped(exchanged, [(c * o) / b, taps, b]), opposite], { axis: 1 });
  const blocks = graph.node(`${domain}.ReorderInput`, [reshaped(turned, [1, c, o / b, taps * b])]);
  return { name: reshaped(blocks, [c, o, kh, kw]), size: [c, kh, kw] };
}

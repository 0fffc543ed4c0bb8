import type { ConvAttributes, Primitives } from '@flowmap/tensor';
import type { Emitter, Value } from '../emitter.js';
import { matmul, reduce } from '../operations/arithmetic.js';
import { concat, pad, padOrCrop, reshape, reverse, slice, transpose } from '../operations/layout.js';
import { pairOf, type Lowering, type Lowerings } from './lowering.js';

type Pair = readonly [number, number];
type Image = readonly [number, number, number, number];
type ConvPrimitive = 'conv2d' | 'conv2dInputGradient' | 'conv2dWeightGradient';

/** Length of a matrix product's shared axis from which it runs at full speed. */
const enoughRows = 512;

/** A convolution or one of its adjoints, of one group of channels. */
type OneGroup<P extends ConvPrimitive> = (emit: Emitter, a: Value, b: Value, attributes: Primitives[P]) => Value;

/**
 * Handles groups of channels, which no back end's kernels support, one after another, given the axis that they divide
 * in each operand and the result.
 */
function byGroups<P extends ConvPrimitive>(axes: readonly [number, number, number], f: OneGroup<P>): Lowering<P> {
  return (emit, operands, attributes) => {
    const { groups }: ConvAttributes = attributes;
    const [a, b] = pairOf(operands);
    const part = (x: Value, axis: number, group: number): Value => {
      const count = x.shape[axis]! / groups;
      return cut(emit, x, axis, group * count, count);
    };
    const results = Array.from({ length: groups }, (_, group) =>
      f(emit, part(a, axes[0], group), part(b, axes[1], group), attributes),
    );
    return concat(emit, results, axes[2]);
  };
}

const correlate: OneGroup<'conv2d'> = (emit, x, weight, { stride, padding, dilation }) => {
  const filter = transpose(emit, weight, [2, 3, 1, 0]);
  const image = channelsLast(emit, x);
  return channelsFirst(emit, convolve(emit, image, filter, { stride, dilation, before: padding, after: padding }));
};

// dx[i] = sum_u g[(i + p - u d) / s] w[u]: a convolution of the gradient, spread out by the stride, with the kernel
// rotated by 180 degrees.
const inputGradient: OneGroup<'conv2dInputGradient'> = (
  emit,
  gradient,
  weight,
  { stride, padding, dilation, size },
) => {
  const filter = reverse(emit, transpose(emit, weight, [2, 3, 0, 1]), [0, 1]);
  const [kh, kw] = filter.shape as unknown as Image;
  const reach: Pair = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)];
  const spread = spreadOut(emit, channelsLast(emit, gradient), stride);
  const [, h, w] = spread.shape as unknown as Image;
  const before: Pair = [reach[0] - padding[0], reach[1] - padding[1]];
  const after: Pair = [size[0] + reach[0] - h - before[0], size[1] + reach[1] - w - before[1]];
  return channelsFirst(emit, convolve(emit, spread, filter, { stride: [1, 1], dilation, before, after }));
};

// dw[o, c, u, v] = sum_{n, i, j} g[n, o, i, j] x[n, c, i s + u d - p, j s + v d - p]: the product of the shifted
// images, one per kernel element, with the gradient. The batch is cut into runs, one product each, so that the shared
// axis is neither too short nor too long for the cache.
const weightGradient: OneGroup<'conv2dWeightGradient'> = (emit, x, gradient, attributes) => {
  const { stride: [sh, sw], padding: [ph, pw], dilation: [dh, dw], size: [kh, kw] } = attributes; // prettier-ignore
  const [n, c, h, w] = x.shape as unknown as Image;
  const [, o, rows, columns] = gradient.shape as unknown as Image;
  const run = runOf(n, rows * columns);
  const runs = n / run;
  // Every stride-th pixel, for each of the stride x stride offsets, is an image of its own: [.., sh, sw, .., ph, pw].
  const phase: Pair = [rows + Math.floor((dh * (kh - 1)) / sh), columns + Math.floor((dw * (kw - 1)) / sw)];
  const padded = padOrCrop(emit, x, [0, 0, ph, pw], [0, 0, phase[0] * sh - h - ph, phase[1] * sw - w - pw]);
  const parted = reshape(emit, padded, [runs, run, c, phase[0], sh, phase[1], sw]);
  const phases = transpose(emit, parted, [0, 2, 4, 6, 1, 3, 5]);
  // Columns first: the part shared by the shifted images of one v is cut out once, and rows are then copied in long
  // pieces.
  const shifted = Array.from({ length: kh * kw }, (_, element) => {
    const [u, v] = [dh * Math.floor(element / kw), dw * (element % kw)];
    const [i, j] = [Math.floor(u / sh), Math.floor(v / sw)];
    const inColumns = cut(emit, cut(emit, phases, 3, v % sw, 1), 6, j, columns);
    const inRows = cut(emit, cut(emit, inColumns, 2, u % sh, 1), 5, i, rows);
    return reshape(emit, inRows, [runs, c, run * rows * columns]);
  });
  const parts = reshape(emit, gradient, [runs, run, o, rows * columns]);
  const pixels = reshape(emit, transpose(emit, parts, [0, 1, 3, 2]), [runs, run * rows * columns, o]);
  const products = matmul(emit, concat(emit, shifted, 1), pixels);
  const total = reduce(emit, 'Sum', products, [0], false);
  return transpose(emit, reshape(emit, total, [kh, kw, c, o]), [3, 2, 0, 1]);
};

export const convolutions: Lowerings<ConvPrimitive> = {
  conv2d: byGroups([1, 0, 1], correlate),
  conv2dInputGradient: byGroups([1, 0, 1], inputGradient),
  conv2dWeightGradient: byGroups([1, 1, 0], weightGradient),
};

/** Geometry of a convolution in TensorFlow.js's terms: padding before and after each axis. */
interface Window {
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly before: Pair;
  readonly after: Pair;
}

/** Cross-correlation of `[n, h, w, c]` with `[kh, kw, c, o]`; negative padding crops. */
function convolve(emit: Emitter, x: Value, filter: Value, { stride, dilation, before, after }: Window): Value {
  const inside = (amounts: Pair): number[] => [0, ...amounts.map((amount) => Math.min(0, amount)), 0];
  const image = padOrCrop(emit, x, inside(before), inside(after));
  const [n, h, w] = image.shape as unknown as Image;
  const [kh, kw, , o] = filter.shape as unknown as Image;
  const margins = [0, 1].map((i) => [Math.max(0, before[i]!), Math.max(0, after[i]!)] as const);
  const extent = (i: 0 | 1, size: number, kernel: number): number =>
    Math.floor((size + margins[i]![0] + margins[i]![1] - dilation[i] * (kernel - 1) - 1) / stride[i]) + 1;
  return emit.call(
    'Conv2D',
    { x: image, filter },
    { strides: stride, dilations: dilation, pad: [[0, 0], ...margins, [0, 0]], dataFormat: 'NHWC' },
    { shape: [n, extent(0, h, kh), extent(1, w, kw), o], dtype: 'float32' },
  );
}

/** `count` elements of one axis. */
function cut(emit: Emitter, x: Value, axis: number, start: number, count: number): Value {
  const starts = x.shape.map((_, i) => (i === axis ? start : 0));
  return slice(
    emit,
    x,
    starts,
    x.shape.map((extent, i) => (i === axis ? start + count : extent)),
  );
}

/** `stride - 1` zeros after every row and column of `[n, h, w, c]`. */
function spreadOut(emit: Emitter, x: Value, [sh, sw]: Pair): Value {
  const [n, h, w, c] = x.shape as unknown as Image;
  const apart = pad(emit, reshape(emit, x, [n * h, 1, w, 1, c]), [0, 0, 0, 0, 0], [0, sh - 1, 0, sw - 1, 0]);
  return reshape(emit, apart, [n, h * sh, w * sw, c]);
}

/** Smallest divisor of the batch that puts enough pixels into one matrix product. */
function runOf(batch: number, pixels: number): number {
  let run = 1;
  while (run * pixels < enoughRows && run < batch) {
    do run++;
    while (batch % run !== 0);
  }
  return run;
}

function channelsLast(emit: Emitter, x: Value): Value {
  return transpose(emit, x, [0, 2, 3, 1]);
}

function channelsFirst(emit: Emitter, x: Value): Value {
  return transpose(emit, x, [0, 3, 1, 2]);
}

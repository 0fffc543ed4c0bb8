import type { Emitter, Value } from '../emitter.js';
import { matmul, reduce } from '../operations/arithmetic.js';
import { concat, pad, padOrCrop, reshape, slice, transpose } from '../operations/layout.js';
import { pairOf, type Lowerings } from './lowering.js';

type Pair = readonly [number, number];
type Image = readonly [number, number, number, number];

/** Rows of a matrix product's shared axis from which on it runs at full speed. */
const enoughRows = 512;

export const convolutions: Lowerings<'conv2d' | 'conv2dInputGradient' | 'conv2dWeightGradient'> = {
  conv2d: (emit, operands, { stride, padding }) => {
    const [x, weight] = pairOf(operands);
    const filter = transpose(emit, weight, [2, 3, 1, 0]);
    return channelsFirst(emit, convolve(emit, channelsLast(emit, x), filter, stride, padding, padding));
  },

  // dx[i] = sum_u g[(i + p - u) / s] w[u]: a convolution of the gradient, spread out by the stride, with the kernel turned
  // by 180 degrees.
  conv2dInputGradient: (emit, operands, { stride, padding, size }) => {
    const [gradient, weight] = pairOf(operands);
    const [o, c, kh, kw] = weight.shape as unknown as Image;
    const turned = emit.call(
      'Reverse',
      { x: reshape(emit, transpose(emit, weight, [2, 3, 0, 1]), [kh * kw, o * c]) },
      { dims: [0] },
      { shape: [kh * kw, o * c], dtype: 'float32' },
    );
    const spread = spreadOut(emit, channelsLast(emit, gradient), stride);
    const [, h, w] = spread.shape as unknown as Image;
    const before: Pair = [kh - 1 - padding[0], kw - 1 - padding[1]];
    const after: Pair = [size[0] + kh - 1 - h - before[0], size[1] + kw - 1 - w - before[1]];
    const filter = reshape(emit, turned, [kh, kw, o, c]);
    return channelsFirst(emit, convolve(emit, spread, filter, [1, 1], before, after));
  },

  // dw[o, c, u, v] = sum_{n, i, j} g[n, o, i, j] x[n, c, i s + u - p, j s + v - p]: the product of the shifted images, one
  // per kernel element, with the gradient. The batch is cut into groups, one product each, so that the shared axis is
  // neither too short nor too long for the cache.
  conv2dWeightGradient: (emit, operands, { stride: [sh, sw], padding: [ph, pw], size: [kh, kw] }) => {
    const [x, gradient] = pairOf(operands);
    const [n, c, h, w] = x.shape as unknown as Image;
    const [, o, rows, columns] = gradient.shape as unknown as Image;
    const group = groupOf(n, rows * columns);
    const groups = n / group;
    // Every stride-th pixel, for each of the stride x stride offsets, is an image of its own: [.., sh, sw, .., ph, pw].
    const phase: Pair = [rows + Math.floor((kh - 1) / sh), columns + Math.floor((kw - 1) / sw)];
    const padded = padOrCrop(emit, x, [0, 0, ph, pw], [0, 0, phase[0] * sh - h - ph, phase[1] * sw - w - pw]);
    const parted = reshape(emit, padded, [groups, group, c, phase[0], sh, phase[1], sw]);
    const phases = transpose(emit, parted, [0, 2, 4, 6, 1, 3, 5]);
    // Columns first: what shifted images of one v share is cut out once, and rows are then copied in long pieces.
    const shifted = Array.from({ length: kh * kw }, (_, element) => {
      const [u, v] = [Math.floor(element / kw), element % kw];
      const [i, j] = [Math.floor(u / sh), Math.floor(v / sw)];
      const inColumns = cut(emit, cut(emit, phases, 3, v % sw, 1), 6, j, columns);
      const inRows = cut(emit, cut(emit, inColumns, 2, u % sh, 1), 5, i, rows);
      return reshape(emit, inRows, [groups, c, group * rows * columns]);
    });
    const grouped = reshape(emit, gradient, [groups, group, o, rows * columns]);
    const pixels = reshape(emit, transpose(emit, grouped, [0, 1, 3, 2]), [groups, group * rows * columns, o]);
    const products = matmul(emit, concat(emit, shifted, 1), pixels);
    const total = reduce(emit, 'Sum', products, [0], false);
    return transpose(emit, reshape(emit, total, [kh, kw, c, o]), [3, 2, 0, 1]);
  },
};

/** Cross-correlation of `[n, h, w, c]` with `[kh, kw, c, o]`; negative padding leaves out pixels. */
function convolve(emit: Emitter, x: Value, filter: Value, stride: Pair, before: Pair, after: Pair): Value {
  const inside = (amounts: Pair): number[] => [0, ...amounts.map((amount) => Math.min(0, amount)), 0];
  const image = padOrCrop(emit, x, inside(before), inside(after));
  const [n, h, w] = image.shape as unknown as Image;
  const [kh, kw, , o] = filter.shape as unknown as Image;
  const margins = [0, 1].map((i) => [Math.max(0, before[i]!), Math.max(0, after[i]!)] as const);
  const extent = (i: 0 | 1, size: number, kernel: number): number =>
    Math.floor((size + margins[i]![0] + margins[i]![1] - kernel) / stride[i]) + 1;
  return emit.call(
    'Conv2D',
    { x: image, filter },
    { strides: stride, dilations: [1, 1], pad: [[0, 0], ...margins, [0, 0]], dataFormat: 'NHWC' },
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
function groupOf(batch: number, pixels: number): number {
  let group = 1;
  while (group * pixels < enoughRows && group < batch) {
    do group++;
    while (batch % group !== 0);
  }
  return group;
}

function channelsLast(emit: Emitter, x: Value): Value {
  return transpose(emit, x, [0, 2, 3, 1]);
}

function channelsFirst(emit: Emitter, x: Value): Value {
  return transpose(emit, x, [0, 3, 1, 2]);
}

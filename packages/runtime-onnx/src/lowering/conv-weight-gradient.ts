import type { ConvAttributes } from '@flowmap/tensor';
import type { Graph } from '../graph.js';
import type { Lowering } from './context.js';
import { sumOfRows } from './reductions.js';

/**
 * Maps of at least this many pixels are multiplied image by image, and the products summed over the batch; smaller ones are
 * first rearranged so that one product runs over the whole batch.
 */
const LARGE_MAP = 256;

/**
 * The weight gradient `sum_{n,i,j} gradient[n, o, i, j] x[n, c, i + u - p, j + v - p]` as a matrix product over pixels.
 *
 * Copies cost more here than products, so where the stride is 1 and maps are large the taps are divided between the operands:
 * `x` is shifted horizontally once per `v`, the gradient vertically once per `u`, and one product has all pairs.
 */
export const weightGradient: Lowering<'conv2dWeightGradient'> = ({ operands, attributes }, { graph, value }) => {
  const [x, gradient] = operands.map(value) as [string, string];
  const [n, o, h, w] = operands[1]!.shape as [number, number, number, number];
  const [, c, height, width] = operands[0]!.shape as [number, number, number, number];
  const geometry = { ...attributes, n, c, o, h, w, height, width };
  return h * w >= LARGE_MAP && shiftsAreFlat(geometry)
    ? bySharedTaps(x, gradient, geometry, graph)
    : byTaps(x, gradient, geometry, graph);
};

interface Geometry extends ConvAttributes {
  /** Height and width of the kernel. */
  readonly size: readonly [number, number];
  readonly n: number;
  readonly c: number;
  readonly o: number;
  /** Height and width of the gradient. */
  readonly h: number;
  readonly w: number;
  /** Those of `x`. */
  readonly height: number;
  readonly width: number;
}

/**
 * True where a shift of an image is one of its flat memory: rows end in as many zeros as a tap reaches beyond them, and the
 * rows of zeros above and below are longer than that.
 */
function shiftsAreFlat({ stride, dilation, groups, padding: [top, left], size: [, kw], width }: Geometry): boolean {
  const isPlain = [...stride, ...dilation, groups].every((n) => n === 1);
  return isPlain && left < kw && top * (width + left) >= Math.max(left, kw - 1 - left);
}

/**
 * With rows of zeros above and below `x`, and `left` zeros at the end of each of its rows, its pixels lie `row` apart
 * vertically, and so do the gradient's: tap `(u, v)` is `sum_q gradient[q - u row] x[q + v - left]`.
 */
function bySharedTaps(x: string, gradient: string, geometry: Geometry, graph: Graph): string {
  const { padding, size, n, c, o, h, w, height, width } = geometry;
  const [kh, kw] = size;
  const [top, left] = padding;
  const row = width + left;
  const pixels = (height + 2 * top) * row;

  const rows = (images: string, channels: number, [tall, wide]: readonly [number, number]): string => {
    const widened = pad(images, [0, 0, 0, row - wide], graph);
    return graph.node('Reshape', [widened, graph.integers([n, channels, tall * row])]);
  };
  const zeros = (channels: number, count: number): string[] =>
    count === 0 ? [] : [graph.node('ConstantOfShape', [graph.integers([n, channels, count])])];
  /** The copies of an image one after the other, each so many zeros after the start of its own stretch of pixels. */
  const copies = (image: string, channels: number, length: number, starts: readonly number[]): string => {
    const parts = starts.flatMap((start, i) => {
      const since = i === 0 ? 0 : pixels - starts[i - 1]! - length;
      return [...zeros(channels, since + start), image];
    });
    return joined([...parts, ...zeros(channels, pixels - starts.at(-1)! - length)], 2, graph);
  };
  const gradients = copies(
    rows(gradient, o, [h, w]),
    o,
    h * row,
    Array.from({ length: kh }, (_, u) => u * row),
  );
  const images = copies(
    rows(x, c, [height, width]),
    c,
    height * row,
    Array.from({ length: kw }, (_, v) => top * row + left - v),
  );
  const matrix = (stretches: string, count: number): string =>
    graph.node('Reshape', [stretches, graph.integers([n, count, pixels])]);
  const columns = graph.node('Transpose', [matrix(images, c * kw)], { perm: [0, 2, 1] });
  const perImage = graph.node('MatMul', [matrix(gradients, o * kh), columns]);
  const total = sumOfRows(perImage, [1, n, o * kh * c * kw], graph);
  const taps = graph.node('Reshape', [total, graph.integers([o, kh, c, kw])]);
  return graph.node('Transpose', [taps], { perm: [0, 2, 1, 3] });
}

function byTaps(x: string, gradient: string, geometry: Geometry, graph: Graph): string {
  const { stride, padding, dilation, groups, size, n, c, o, h, w } = geometry;
  const channelsFirst = (images: string): string => graph.node('Transpose', [images], { perm: [1, 0, 2, 3] });
  const image = pad(channelsFirst(x), [...padding, ...padding], graph);
  const slices: string[] = [];
  for (let u = 0; u < size[0]; u++) {
    for (let v = 0; v < size[1]; v++) {
      const starts = [u * dilation[0], v * dilation[1]] as const;
      const ends = [starts[0] + (h - 1) * stride[0] + 1, starts[1] + (w - 1) * stride[1] + 1];
      const bounds = [starts, ends, [2, 3], stride].map((values) => graph.integers(values));
      slices.push(graph.node('Slice', [image, ...bounds]));
    }
  }
  const pixels = n * h * w;
  const matrix = (value: string, extents: readonly number[]): string =>
    graph.node('Reshape', [value, graph.integers(extents)]);
  const taps = matrix(productOf(), [o, ...size, c / groups]);
  return graph.node('Transpose', [taps], { perm: [0, 3, 1, 2] });

  function productOf(): string {
    const columns = joined(slices, 0, graph);
    if (groups === 1) {
      const operands = [matrix(channelsFirst(gradient), [o, pixels]), matrix(columns, [slices.length * c, pixels])];
      return graph.node('Gemm', operands, { transB: 1 });
    }
    const apart = graph.node('Transpose', [matrix(columns, [slices.length, groups, c / groups, pixels])], {
      perm: [1, 3, 0, 2],
    });
    const right = matrix(apart, [groups, pixels, (slices.length * c) / groups]);
    return graph.node('MatMul', [matrix(channelsFirst(gradient), [groups, o / groups, pixels]), right]);
  }
}

/** Zeros around `[n, c, h, w]`: `[top, left, bottom, right]`; negative numbers cut off. */
function pad(images: string, margins: readonly number[], graph: Graph): string {
  if (margins.every((margin) => margin === 0)) return images;
  return graph.node('Pad', [images, graph.integers([0, 0, ...margins.slice(0, 2), 0, 0, ...margins.slice(2)])]);
}

function joined(images: readonly string[], axis: number, graph: Graph): string {
  return images.length === 1 ? images[0]! : graph.node('Concat', images, { axis });
}

import type { ConvAttributes, DType } from '@flowmap/tensor';
import { dataTypes, type Graph } from '../graph.js';
import type { Lowering } from './context.js';
import { sumOfRows } from './sums.js';

/**
 * Maps of at least this many pixels are multiplied image by image, and the products summed over the batch; smaller ones
 * are first rearranged for one product over the whole batch.
 */
const LARGE_MAP = 256;

/**
 * The weight gradient `sum_{n,i,j} gradient[n, o, i, j] x[n, c, i + u - p, j + v - p]` as a matrix product over pixels.
 *
 * Copies cost more here than products, so for stride 1 and large maps the taps are divided between the operands: `x` is
 * shifted horizontally once per `v`, the gradient vertically once per `u`, and one product covers all pairs.
 */
export const weightGradient: Lowering<'conv2dWeightGradient'> = ({ operands, attributes, dtype }, { graph, value }) => {
  const [x, gradient] = operands.map(value) as [string, string];
  const [n, o, h, w] = operands[1]!.shape as [number, number, number, number];
  const [, c, height, width] = operands[0]!.shape as [number, number, number, number];
  const geometry = { ...attributes, n, c, o, h, w, height, width, dtype };
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
  /** Height and width of `x`. */
  readonly height: number;
  readonly width: number;
  readonly dtype: DType;
}

/**
 * Whether every shift of an image is a shift of its flat memory: the gradient has the same extents, and the rows of
 * zeros above and below are longer than a tap reaches sideways.
 */
function shiftsAreFlat({ stride, dilation, groups, padding, size, h, w, height, width }: Geometry): boolean {
  const isPlain = [...stride, ...dilation, groups].every((n) => n === 1);
  const [top, left] = padding;
  return isPlain && h === height && w === width && top * width >= Math.max(left, size[1] - 1 - left);
}

/**
 * With rows of zeros above and below the images, tap `(u, v)` is `sum_q gradient[q - u width] x_v[q + v - left]` over
 * their flat pixels, `x_v` without the columns that would end up beside the wrong end of a row when shifted.
 */
function bySharedTaps(x: string, gradient: string, geometry: Geometry, graph: Graph): string {
  const { padding, size, n, c, o, height, width, dtype } = geometry;
  const [kh, kw] = size;
  const [top, left] = padding;
  const length = height * width;
  const pixels = length + 2 * top * width;

  const flat = (images: string, channels: number): string =>
    graph.node('Reshape', [images, graph.integers([n, channels, length])]);
  const zeros = (channels: number, count: number): string[] => {
    if (count === 0) return [];
    const floats = graph.node('ConstantOfShape', [graph.integers([n, channels, count])]);
    return [dtype === 'float32' ? floats : graph.node('Cast', [floats], { to: dataTypes[dtype] })];
  };
  /** Images one after another, each preceded in its own stretch of pixels by the given number of zeros. */
  const stretches = (images: readonly string[], channels: number, startOf: (i: number) => number): string => {
    const parts = images.flatMap((image, i) => {
      const since = i === 0 ? 0 : pixels - startOf(i - 1) - length;
      return [...zeros(channels, since + startOf(i)), image];
    });
    const after = zeros(channels, pixels - startOf(images.length - 1) - length);
    const joint = joined([...parts, ...after], 2, graph);
    return graph.node('Reshape', [joint, graph.integers([n, channels * images.length, pixels])]);
  };
  const pixelsOfX = flat(x, c);
  const shifted = Array.from({ length: kw }, (_, v) => {
    const kept = (column: number): boolean => column + left - v >= 0 && column + left - v < width;
    if (v === left) return pixelsOfX;
    const mask = Float32Array.from({ length }, (_, q) => (kept(q % width) ? 1 : 0));
    return graph.node('Mul', [pixelsOfX, graph.constant(mask, { shape: [length], dtype })]);
  });
  const copies = new Array<string>(kh).fill(flat(gradient, o));
  const gradients = stretches(copies, o, (u) => u * width);
  const images = stretches(shifted, c, (v) => top * width + left - v);
  const columns = graph.node('Transpose', [images], { perm: [0, 2, 1] });
  const perImage = graph.node('MatMul', [gradients, columns]);
  const total = sumOfRows(perImage, [1, n, o * kh * c * kw], dtype, graph);
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

/** Zeros around `[n, c, h, w]`: `[top, left, bottom, right]`; negative numbers crop. */
function pad(images: string, margins: readonly number[], graph: Graph): string {
  if (margins.every((margin) => margin === 0)) return images;
  return graph.node('Pad', [images, graph.integers([0, 0, ...margins.slice(0, 2), 0, 0, ...margins.slice(2)])]);
}

function joined(images: readonly string[], axis: number, graph: Graph): string {
  return images.length === 1 ? images[0]! : graph.node('Concat', images, { axis });
}

import { type ConvAttributes, type Shape } from '@flowmap/tensor';
import type { Values } from '../values.js';
import type { KernelRule } from './kernel.js';
import { multiplyAdd, transposeMatrix } from './matmul.js';

/**
 * Extents of a convolution of one group of channels of one image: `[c, h, w]` by kernels `[c, kh, kw]` to
 * `[o, outH, outW]`. Groups of channels are laid out one after another like images, so `count` covers both.
 */
interface Geometry {
  readonly count: number;
  readonly image: readonly [c: number, h: number, w: number];
  readonly kernel: readonly [kh: number, kw: number];
  readonly out: readonly [o: number, h: number, w: number];
  readonly conv: ConvAttributes;
  /** Elements of one image, one result, one group's weight, and one matrix of patches `[c kh kw, outH outW]`. */
  readonly imageSize: number;
  readonly outSize: number;
  readonly weightSize: number;
  readonly patchRows: number;
  readonly patchColumns: number;
}

function geometry(x: Shape, weight: Shape, y: Shape, conv: ConvAttributes): Geometry {
  const [images, , h, w] = x as readonly [number, number, number, number];
  const [channels, c, kh, kw] = weight as readonly [number, number, number, number];
  const [, , outH, outW] = y as readonly [number, number, number, number];
  const o = channels / conv.groups;
  return {
    count: images * conv.groups,
    image: [c, h, w],
    kernel: [kh, kw],
    out: [o, outH, outW],
    conv,
    imageSize: c * h * w,
    outSize: o * outH * outW,
    weightSize: o * c * kh * kw,
    patchRows: c * kh * kw,
    patchColumns: outH * outW,
  };
}

/** `y[n] = weight patches(x[n])`. */
export const conv2d: KernelRule<'conv2d'> = ({ operands: [x, weight], shape, attributes }) => {
  const g = geometry(x!.shape, weight!.shape, shape, attributes);
  const patches = new Float64Array(g.patchRows * g.patchColumns);
  return ([images, weights], out) => {
    out.fill(0);
    for (let n = 0; n < g.count; n++) {
      gather(g, images!.subarray(n * g.imageSize, (n + 1) * g.imageSize), patches);
      multiplyAdd(groupOf(weights!, n, g), patches, out.subarray(n * g.outSize), g.out[0], g.patchRows, g.patchColumns);
    }
  };
};

/** `x[n] = patches^T(weight^T gradient[n])`. */
export const conv2dInputGradient: KernelRule<'conv2dInputGradient'> = ({
  operands: [y, weight],
  shape,
  attributes,
}) => {
  const g = geometry(shape, weight!.shape, y!.shape, attributes);
  const patches = new Float64Array(g.patchRows * g.patchColumns);
  const transposed = new Float64Array(g.weightSize);
  return ([gradients, weights], out) => {
    out.fill(0);
    for (let n = 0; n < g.count; n++) {
      transposeMatrix(groupOf(weights!, n, g), g.out[0], g.patchRows, transposed);
      patches.fill(0);
      const gradient = gradients!.subarray(n * g.outSize, (n + 1) * g.outSize);
      multiplyAdd(transposed, gradient, patches, g.patchRows, g.out[0], g.patchColumns);
      scatter(g, patches, out.subarray(n * g.imageSize, (n + 1) * g.imageSize));
    }
  };
};

/** `weight = sum_n gradient[n] patches(x[n])^T`. */
export const conv2dWeightGradient: KernelRule<'conv2dWeightGradient'> = ({ operands: [x, y], shape, attributes }) => {
  const g = geometry(x!.shape, shape, y!.shape, attributes);
  const patches = new Float64Array(g.patchRows * g.patchColumns);
  const transposed = new Float64Array(g.patchRows * g.patchColumns);
  return ([images, gradients], out) => {
    out.fill(0);
    for (let n = 0; n < g.count; n++) {
      gather(g, images!.subarray(n * g.imageSize, (n + 1) * g.imageSize), patches);
      transposeMatrix(patches, g.patchRows, g.patchColumns, transposed);
      const gradient = gradients!.subarray(n * g.outSize, (n + 1) * g.outSize);
      multiplyAdd(gradient, transposed, groupOf(out, n, g), g.out[0], g.patchColumns, g.patchRows);
    }
  };
};

/** The part of a weight for the group of channels of the n-th image. */
function groupOf(weights: Values, n: number, { weightSize, conv }: Geometry): Values {
  const group = n % conv.groups;
  return weights.subarray(group * weightSize, (group + 1) * weightSize);
}

/** Copies the image to the matrix whose row `(c, u, v)` holds the pixel under weight `(c, u, v)` for every position. */
function gather(g: Geometry, image: Values, patches: Values): void {
  patches.fill(0);
  forEachPixel(g, (pixel, patch) => (patches[patch] = image[pixel]!));
}

/** The adjoint of {@link gather}: adds every patch element to its pixel. */
function scatter(g: Geometry, patches: Values, image: Values): void {
  forEachPixel(g, (pixel, patch) => (image[pixel]! += patches[patch]!));
}

/** Pairs the index of a pixel with each of its indices in the matrix of patches; padding is left out. */
function forEachPixel(g: Geometry, visit: (pixel: number, patch: number) => void): void {
  const [channels, h, w] = g.image;
  const [kh, kw] = g.kernel;
  const [, outH, outW] = g.out;
  const { stride, padding, dilation } = g.conv;
  let row = 0;
  for (let c = 0; c < channels; c++) {
    for (let u = 0; u < kh; u++) {
      for (let v = 0; v < kw; v++, row++) {
        for (let i = 0; i < outH; i++) {
          const y = i * stride[0] + u * dilation[0] - padding[0];
          if (y < 0 || y >= h) continue;
          const pixels = (c * h + y) * w;
          const patches = row * g.patchColumns + i * outW;
          for (let j = 0, x = v * dilation[1] - padding[1]; j < outW; j++, x += stride[1]) {
            if (x >= 0 && x < w) visit(pixels + x, patches + j);
          }
        }
      }
    }
  }
}

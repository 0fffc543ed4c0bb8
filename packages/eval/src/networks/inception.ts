import type { Module } from '@flowmap/core';
import {
  averagePool2d,
  concat,
  constant,
  conv2d,
  full,
  hostTensor,
  input,
  maxPool2d,
  normals,
  relu,
  sizeOf,
  type HostTensor,
  type HostTensors,
  type Shape,
  type Tensor,
} from '@flowmap/tensor';
import { takeTensor } from '../weights/take-tensor.js';

/** Extent of the images that the network takes, in pixels. */
export const INCEPTION_SIZE = 299;

/** What the network computes from images. */
export interface InceptionOutputs {
  /** `[n, 2048]`: the last channels' means over the image (`pool_3`), for FID, KID, precision and recall. */
  readonly pool: Tensor;
  /** `[n, 1008]`: logits without the bias of the last layer, for the Inception score. */
  readonly logits: Tensor;
  /** `[n, 2023]`: the first 7 channels of `mixed_6/conv`, 17 x 17 pixels, the channel last as in TensorFlow, for sFID. */
  readonly spatial: Tensor;
}

const CLASSES = 1008;

/** Added to variances by the batch normalisation. */
const EPSILON = 1e-3;

/** A convolution with its normalisation folded into weights and bias, and a ReLU. */
type Convolve = (x: Tensor, name: string, outputs: number, options?: ConvolveOptions) => Tensor;

interface ConvolveOptions {
  /** Extent of the window; 1 unless given. */
  readonly kernel?: number | readonly [height: number, width: number];
  readonly stride?: number;
  /** Whether the image is padded so that it keeps its extent; unless given, it is if the stride is 1. */
  readonly same?: boolean;
  /** Whether each pixel then becomes the mean of those around it. */
  readonly averaged?: boolean;
}

/**
 * The Inception network of 2015, which defines FID (Szegedy et al., "Rethinking the Inception Architecture", 2015;
 * TensorFlow's graph `inception-2015-12-05`). It differs from torchvision's Inception v3 in three ways: average
 * pooling excludes the padding, the last block takes the maximum where others average, and there are 1008 classes.
 * Batch normalisation is folded into the weights and biases.
 *
 * Its module maps RGB images `[n, 3, 299, 299]`, in about [-1, 1], to {@link InceptionOutputs}.
 */
export function inceptionNetwork(): Module<Tensor, InceptionOutputs> {
  const shapes = parameterShapes();
  return {
    parameters: Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }])),
    init: (seed) =>
      Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, initial(name, shape, seed)])),
    apply(params, images) {
      const { pool, spatial } = layers(images, (x, name, outputs, options = {}) => {
        const bias = params[`${name}.bias`]!.reshape([1, outputs, 1, 1]);
        const filtered = filter(x, params[`${name}.weight`]!, options);
        return relu((options.averaged ? average(filtered) : filtered).add(bias));
      });
      const logits = pool.matmul(params['fc.weight']!.transpose([1, 0]));
      return { pool, logits, spatial };
    },
  };
}

/**
 * The network's parameters from the tensors of `pt_inception-2015-12-05-6726825d.pth` (pytorch-fid, torch-fidelity), by
 * their names there. Each batch normalisation is folded into the convolution before it.
 *
 * @param weights tensors by name; those that the network lacks are ignored
 * @param source their name in messages
 * @throws {CheckpointError} for a tensor that is missing, has another shape or a value that is not finite, naming it
 */
export function inceptionParameters(weights: HostTensors, source: string): HostTensors {
  const params: Record<string, HostTensor> = {};
  for (const [name, shape] of Object.entries(parameterShapes())) {
    if (name === 'fc.weight') params[name] = hostTensor(shape, takeTensor(weights, name, shape, source));
    if (name === 'fc.weight' || !name.endsWith('.weight')) continue;
    const layer = name.slice(0, -'.weight'.length);
    const [outputs = 0] = shape;
    const take = (part: string): Float32Array => takeTensor(weights, `${layer}.bn.${part}`, [outputs], source);
    const kernel = takeTensor(weights, `${layer}.conv.weight`, shape, source);
    const [gain, shift, mean, variance] = [take('weight'), take('bias'), take('running_mean'), take('running_var')];
    const factors = Float64Array.from(gain, (value, i) => value / Math.sqrt(variance[i]! + EPSILON));
    const size = kernel.length / outputs;
    const folded = new Float32Array(kernel.length);
    for (let o = 0, at = 0; o < outputs; o++) {
      for (const end = at + size; at < end; at++) folded[at] = kernel[at]! * factors[o]!;
    }
    params[`${layer}.weight`] = hostTensor(shape, folded);
    params[`${layer}.bias`] = hostTensor(
      [outputs],
      shift.map((value, i) => value - mean[i]! * factors[i]!),
    );
  }
  return params;
}

/** All layers up to the pooled features. */
function layers(images: Tensor, convolve: Convolve): { pool: Tensor; spatial: Tensor } {
  let x = convolve(images, 'Conv2d_1a_3x3', 32, { kernel: 3, stride: 2 });
  x = convolve(x, 'Conv2d_2a_3x3', 32, { kernel: 3, same: false });
  x = convolve(x, 'Conv2d_2b_3x3', 64, { kernel: 3 });
  x = maxPool2d(x, 3, { stride: 2 });
  x = convolve(x, 'Conv2d_3b_1x1', 80);
  x = convolve(x, 'Conv2d_4a_3x3', 192, { kernel: 3, same: false });
  x = maxPool2d(x, 3, { stride: 2 });
  x = block5(convolve, 'Mixed_5b', x, 32);
  x = block5(convolve, 'Mixed_5c', x, 64);
  x = block5(convolve, 'Mixed_5d', x, 64);
  x = reduction6(convolve, 'Mixed_6a', x);
  x = block6(convolve, 'Mixed_6b', x, 128)[0];
  x = block6(convolve, 'Mixed_6c', x, 160)[0];
  const [mixed, first] = block6(convolve, 'Mixed_6d', x, 160); // `mixed_6` in TensorFlow's graph
  x = block6(convolve, 'Mixed_6e', mixed, 192)[0];
  x = reduction7(convolve, 'Mixed_7a', x);
  x = block7(convolve, 'Mixed_7b', x, 'average');
  x = block7(convolve, 'Mixed_7c', x, 'maximum');
  const [n = 0, , height = 0, width = 0] = first.shape;
  const spatial = first.slice([0, 0, 0, 0], [n, 7, height, width]).transpose([0, 2, 3, 1]).reshape([n, -1]);
  return { pool: x.mean([2, 3]), spatial };
}

/** 35 x 35 pixels. */
function block5(convolve: Convolve, name: string, x: Tensor, pooled: number): Tensor {
  const one = convolve(x, `${name}.branch1x1`, 64);
  const five = convolve(convolve(x, `${name}.branch5x5_1`, 48), `${name}.branch5x5_2`, 64, { kernel: 5 });
  let three = convolve(x, `${name}.branch3x3dbl_1`, 64);
  three = convolve(three, `${name}.branch3x3dbl_2`, 96, { kernel: 3 });
  three = convolve(three, `${name}.branch3x3dbl_3`, 96, { kernel: 3 });
  return concat([one, five, three, convolve(x, `${name}.branch_pool`, pooled, { averaged: true })], 1);
}

/** From 35 x 35 to 17 x 17 pixels. */
function reduction6(convolve: Convolve, name: string, x: Tensor): Tensor {
  const three = convolve(x, `${name}.branch3x3`, 384, { kernel: 3, stride: 2 });
  let double = convolve(x, `${name}.branch3x3dbl_1`, 64);
  double = convolve(double, `${name}.branch3x3dbl_2`, 96, { kernel: 3 });
  double = convolve(double, `${name}.branch3x3dbl_3`, 96, { kernel: 3, stride: 2 });
  return concat([three, double, maxPool2d(x, 3, { stride: 2 })], 1);
}

/** 17 x 17 pixels; also returns the first of its branches. */
function block6(convolve: Convolve, name: string, x: Tensor, width: number): [all: Tensor, first: Tensor] {
  const one = convolve(x, `${name}.branch1x1`, 192);
  let seven = convolve(x, `${name}.branch7x7_1`, width);
  seven = convolve(seven, `${name}.branch7x7_2`, width, { kernel: [1, 7] });
  seven = convolve(seven, `${name}.branch7x7_3`, 192, { kernel: [7, 1] });
  let double = convolve(x, `${name}.branch7x7dbl_1`, width);
  double = convolve(double, `${name}.branch7x7dbl_2`, width, { kernel: [7, 1] });
  double = convolve(double, `${name}.branch7x7dbl_3`, width, { kernel: [1, 7] });
  double = convolve(double, `${name}.branch7x7dbl_4`, width, { kernel: [7, 1] });
  double = convolve(double, `${name}.branch7x7dbl_5`, 192, { kernel: [1, 7] });
  return [concat([one, seven, double, convolve(x, `${name}.branch_pool`, 192, { averaged: true })], 1), one];
}

/** From 17 x 17 to 8 x 8 pixels. */
function reduction7(convolve: Convolve, name: string, x: Tensor): Tensor {
  let three = convolve(x, `${name}.branch3x3_1`, 192);
  three = convolve(three, `${name}.branch3x3_2`, 320, { kernel: 3, stride: 2 });
  let seven = convolve(x, `${name}.branch7x7x3_1`, 192);
  seven = convolve(seven, `${name}.branch7x7x3_2`, 192, { kernel: [1, 7] });
  seven = convolve(seven, `${name}.branch7x7x3_3`, 192, { kernel: [7, 1] });
  seven = convolve(seven, `${name}.branch7x7x3_4`, 192, { kernel: 3, stride: 2 });
  return concat([three, seven, maxPool2d(x, 3, { stride: 2 })], 1);
}

/** 8 x 8 pixels, with branches that fork once more. */
function block7(convolve: Convolve, name: string, x: Tensor, pooling: 'average' | 'maximum'): Tensor {
  const fork = (stem: Tensor, branch: string): Tensor[] => [
    convolve(stem, `${name}.${branch}a`, 384, { kernel: [1, 3] }),
    convolve(stem, `${name}.${branch}b`, 384, { kernel: [3, 1] }),
  ];
  const one = convolve(x, `${name}.branch1x1`, 320);
  const three = fork(convolve(x, `${name}.branch3x3_1`, 384), 'branch3x3_2');
  const stem = convolve(x, `${name}.branch3x3dbl_1`, 448);
  const double = fork(convolve(stem, `${name}.branch3x3dbl_2`, 384, { kernel: 3 }), 'branch3x3dbl_3');
  const pooled =
    pooling === 'average'
      ? convolve(x, `${name}.branch_pool`, 192, { averaged: true })
      : convolve(maxPool2d(x, 3, { stride: 1, padding: 1 }), `${name}.branch_pool`, 192);
  return concat([one, ...three, ...double, pooled], 1);
}

function filter(x: Tensor, weight: Tensor, { stride = 1, same = stride === 1 }: ConvolveOptions): Tensor {
  const [, , height = 1, width = 1] = weight.shape;
  return conv2d(x, weight, { stride, padding: same ? [(height - 1) / 2, (width - 1) / 2] : 0 });
}

/**
 * Means over 3 x 3 pixels, counting those inside the image. The network averages before a 1 x 1 convolution; both
 * orders give the same, and after it there are fewer channels.
 */
function average(x: Tensor): Tensor {
  const [, , height = 0, width = 0] = x.shape;
  const inside = (i: number, extent: number): number => 3 - Number(i === 0) - Number(i === extent - 1);
  const share = Float64Array.from({ length: height * width }, (_, i) => {
    return 9 / (inside(Math.floor(i / width), height) * inside(i % width, width));
  });
  return averagePool2d(x, 3, { stride: 1, padding: 1 }).mul(constant(share, [1, 1, height, width]));
}

/** Shapes of all parameters, found by going through the layers. */
function parameterShapes(): Record<string, Shape> {
  const shapes: Record<string, Shape> = {};
  const image = input('images', [1, 3, INCEPTION_SIZE, INCEPTION_SIZE]);
  const { pool } = layers(image, (x, name, outputs, options = {}) => {
    const { kernel = 1 } = options;
    const shape = [outputs, x.shape[1]!, ...(typeof kernel === 'number' ? [kernel, kernel] : kernel)];
    shapes[`${name}.weight`] = shape;
    shapes[`${name}.bias`] = [outputs];
    return filter(x, full(0, shape), options);
  });
  return { ...shapes, 'fc.weight': [CLASSES, pool.shape[1]!] };
}

function initial(name: string, shape: Shape, seed: number): HostTensor {
  if (shape.length === 1) return hostTensor(shape, new Float32Array(shape[0]!));
  const std = Math.sqrt(2 / sizeOf(shape.slice(1)));
  const drawn = normals({ seed, purpose: name }, sizeOf(shape));
  return hostTensor(
    shape,
    Float32Array.from(drawn, (value) => std * value),
  );
}

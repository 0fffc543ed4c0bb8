import type { Module } from '@flowmap/core';
import { conv2d, hostTensor, normals, sizeOf, type Shape, type Tensor, type Tensors } from '@flowmap/tensor';

/** Extent of the images that the network takes, in pixels. */
export const EFFICIENTNET_LITE0_SIZE = 224;

/** Number of its features. */
export const EFFICIENTNET_LITE0_WIDTH = 1280;

/** Blocks of the same kind in a row. */
interface Stage {
  /** Factor by which a block widens its input before the depthwise convolution. */
  readonly expansion: number;
  readonly kernel: number;
  /** Stride of the first block; 1 in the others. */
  readonly stride: number;
  readonly channels: number;
  readonly blocks: number;
}

const STEM = 32;
const stages: readonly Stage[] = [
  { expansion: 1, kernel: 3, stride: 1, channels: 16, blocks: 1 },
  { expansion: 6, kernel: 3, stride: 2, channels: 24, blocks: 2 },
  { expansion: 6, kernel: 5, stride: 2, channels: 40, blocks: 2 },
  { expansion: 6, kernel: 3, stride: 2, channels: 80, blocks: 3 },
  { expansion: 6, kernel: 5, stride: 1, channels: 112, blocks: 3 },
  { expansion: 6, kernel: 5, stride: 2, channels: 192, blocks: 4 },
  { expansion: 6, kernel: 3, stride: 1, channels: 320, blocks: 1 },
];

/** One inverted bottleneck. */
interface Block {
  readonly name: string;
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
}

const blocks: readonly Block[] = stages
  .flatMap((stage) =>
    Array.from({ length: stage.blocks }, (_, i) => ({ ...stage, stride: i === 0 ? stage.stride : 1 })),
  )
  .map(({ expansion, kernel, stride, channels }, i, all) => {
    const inputs = all[i - 1]?.channels ?? STEM;
    return { name: `blocks.${i}`, inputs, hidden: expansion * inputs, outputs: channels, kernel, stride };
  });

/**
 * The features of EfficientNet-Lite0 (Tan and Le, "EfficientNet", 2019, without squeeze-and-excitation and with ReLU6 in
 * place of swish): a convolution, 16 inverted bottlenecks, a convolution to 1280 channels, and their means over the
 * image. Batch normalisation is folded into the weights and biases.
 *
 * Its module maps images `[batch, 3, 224, 224]`, `(p - 127) / 128` for RGB pixels p from 0 to 255, to `[batch,
 * 1280]`.
 */
export function efficientNetLite0Features(): Module<Tensor> {
  const shapes = Object.fromEntries(
    convolutions().flatMap(
      ({ name, shape }) =>
        [
          [`${name}.weight`, shape],
          [`${name}.bias`, [shape[0]!]],
        ] as [string, Shape][],
    ),
  );
  return {
    parameters: Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }])),
    init: (seed) =>
      Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => {
          if (shape.length === 1) return [name, hostTensor(shape, new Float32Array(shape[0]!))];
          const std = Math.sqrt(2 / sizeOf(shape.slice(1)));
          const drawn = normals({ seed, purpose: name }, sizeOf(shape));
          return [
            name,
            hostTensor(
              shape,
              Float32Array.from(drawn, (value) => std * value),
            ),
          ];
        }),
      ),
    apply(params, images) {
      const stem = relu6(convolve(params, 'stem', images, { kernel: 3, stride: 2 }));
      const last = blocks.reduce((x, block) => bottleneck(params, block, x), stem);
      return relu6(convolve(params, 'head', last, {})).mean([2, 3]);
    },
  };
}

/** `x + project(depthwise(expand(x)))`, with the sum only if the shapes agree. */
function bottleneck(params: Tensors, { name, inputs, hidden, outputs, kernel, stride }: Block, x: Tensor): Tensor {
  const wide = hidden === inputs ? x : relu6(convolve(params, `${name}.expand`, x, {}));
  const filtered = relu6(convolve(params, `${name}.depthwise`, wide, { kernel, stride, groups: hidden }));
  const projected = convolve(params, `${name}.project`, filtered, {});
  return stride === 1 && inputs === outputs ? x.add(projected) : projected;
}

/** A convolution with its bias and TensorFlow's `SAME` padding, whose odd pixel is on the right and below. */
function convolve(
  params: Tensors,
  name: string,
  x: Tensor,
  { kernel = 1, stride = 1, groups = 1 }: { kernel?: number; stride?: number; groups?: number },
): Tensor {
  const sides = x.shape.slice(2).map((extent): [number, number] => {
    const missing = Math.max(0, (Math.ceil(extent / stride) - 1) * stride + kernel - extent);
    return [Math.floor(missing / 2), Math.ceil(missing / 2)];
  });
  const isEven = sides.every(([before, after]) => before === after);
  const padding = isEven ? ([sides[0]![0], sides[1]![0]] as const) : 0;
  const padded = isEven ? x : x.pad([0, 0, sides[0]![0], sides[1]![0]], [0, 0, sides[0]![1], sides[1]![1]]);
  const bias = params[`${name}.bias`]!.reshape([1, -1, 1, 1]);
  return conv2d(padded, params[`${name}.weight`]!, { stride, padding, groups }).add(bias);
}

function relu6(x: Tensor): Tensor {
  return x.maximum(0).minimum(6);
}

/** All convolutions with the shapes of their weights. */
function convolutions(): { name: string; shape: Shape }[] {
  return [
    { name: 'stem', shape: [STEM, 3, 3, 3] },
    ...blocks.flatMap(({ name, inputs, hidden, outputs, kernel }) => [
      ...(hidden === inputs ? [] : [{ name: `${name}.expand`, shape: [hidden, inputs, 1, 1] }]),
      { name: `${name}.depthwise`, shape: [hidden, 1, kernel, kernel] },
      { name: `${name}.project`, shape: [outputs, hidden, 1, 1] },
    ]),
    { name: 'head', shape: [EFFICIENTNET_LITE0_WIDTH, blocks.at(-1)!.outputs, 1, 1] },
  ];
}

import { CheckpointError, type Module } from '@flowmap/core';
import {
  concat,
  conv2d,
  gelu,
  hostTensor,
  requireKnownOptions,
  type HostTensor,
  type HostTensors,
  type Shape,
  type Tensor,
} from '@flowmap/tensor';
import { takeTensor } from '../weights/take-tensor.js';
import { resizePositions } from './resize-positions.js';
import { encoderBlock, encoderBlockShapes, norm, stacked } from './encoder-block.js';
import { initialValues } from './initial-values.js';

/** Extents of a DINOv2 network. */
export interface Dinov2Config {
  /** Width of tokens and features. */
  readonly width: number;
  /** Number of blocks. */
  readonly depth: number;
  readonly heads: number;
  /** Width inside the perceptrons. */
  readonly hidden: number;
  /** Side of a patch in pixels. */
  readonly patch: number;
  /** Side of an image in pixels, a multiple of `patch`. */
  readonly size: number;
}

/** Channels of a head, in all sizes of the network. */
const HEAD = 64;
const EPSILON = 1e-6;

/**
 * The image encoder of DINOv2 (Oquab et al., 2023) without registers: a vision transformer whose feature is the class
 * token after the last norm. Layer scales are folded into the matrices before them.
 *
 * Its module maps images `[n, 3, size, size]`, minus ImageNet's mean and divided by its deviation, to `[n,
 * width]`.
 */
export function dinov2Network(config: Dinov2Config): Module<Tensor> {
  const { width, depth, heads, hidden, patch, size } = config;
  const count = (size / patch) ** 2;
  const shapes: Record<string, Shape> = {
    'patch.weight': [width, 3, patch, patch],
    'patch.bias': [width],
    class: [1, 1, width],
    positions: [1, count + 1, width],
    'norm.weight': [width],
    'norm.bias': [width],
  };
  for (let i = 0; i < depth; i++) Object.assign(shapes, encoderBlockShapes(`block${i}`, width, hidden));
  return {
    parameters: Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }])),
    init: (seed) => initialValues(shapes, seed),
    apply(params, images) {
      const [n = 0] = images.shape;
      const filtered = conv2d(images, params['patch.weight']!, { stride: patch }).add(
        params['patch.bias']!.reshape([1, width, 1, 1]),
      );
      const patches = filtered.reshape([n, width, count]).transpose([0, 2, 1]);
      let x = concat([params.class!.broadcastTo([n, 1, width]), patches], 1).add(params.positions!);
      for (let i = 0; i < depth; i++) {
        x = encoderBlock(params, `block${i}`, x, { heads, activation: gelu, epsilon: EPSILON });
      }
      return norm(params, 'norm', x.slice([0, 0, 0], [n, 1, width]).reshape([n, width]), EPSILON);
    },
  };
}

/** Names of a file's tensors, with `*` for the number of a block. */
interface Names {
  readonly patch: string;
  readonly class: string;
  readonly positions: string;
  readonly norm: string;
  readonly block: string;
  /** The names for queries, keys and values, if they are not one matrix. */
  readonly qkv: readonly string[];
  readonly projection: string;
  readonly scales: readonly [string, string];
}

const ofHub: Names = {
  patch: 'patch_embed.proj',
  class: 'cls_token',
  positions: 'pos_embed',
  norm: 'norm',
  block: 'blocks',
  qkv: ['attn.qkv'],
  projection: 'attn.proj',
  scales: ['ls1.gamma', 'ls2.gamma'],
};

const ofTransformers: Names = {
  patch: 'embeddings.patch_embeddings.projection',
  class: 'embeddings.cls_token',
  positions: 'embeddings.position_embeddings',
  norm: 'layernorm',
  block: 'encoder.layer',
  qkv: ['attention.attention.query', 'attention.attention.key', 'attention.attention.value'],
  projection: 'attention.output.dense',
  scales: ['layer_scale1.lambda1', 'layer_scale2.lambda1'],
};

/**
 * Configuration and parameters of a network from the tensors of a published file, by the names of the hub's
 * `dinov2_vitl14_pretrain.pth` or of the safetensors files of `transformers`. Extents are read from the tensors' shapes.
 *
 * @param weights tensors by name
 * @param source their name in messages
 * @param options.size side of the images in pixels; 224 unless given. Position embeddings of another size are resized
 * @param options.offset added to the number of patches along each side when positions are resized: 0.1 as in the hub's
 *   code, unless given; 0 as in `transformers` since version 4.45
 * @throws {CheckpointError} for a tensor that is missing, has another shape or a value that is not finite, naming it, and
 *   for a network with registers
 */
export function dinov2Parameters(
  weights: HostTensors,
  source: string,
  options: { readonly size?: number; readonly offset?: number } = {},
): { config: Dinov2Config; params: HostTensors } {
  requireKnownOptions('dinov2Parameters', options, { size: true, offset: true });
  const { size = 224, offset = 0.1 } = options;
  const names = Object.hasOwn(weights, ofTransformers.class) ? ofTransformers : ofHub;
  const registers = Object.keys(weights).find((name) => name.endsWith('register_tokens'));
  if (registers !== undefined) {
    throw new CheckpointError(source, `wanted a network without registers, got ${registers}`, { tensor: registers });
  }
  const blocks = Object.keys(weights).flatMap((name) => {
    return name.startsWith(`${names.block}.`) ? [Number(name.slice(names.block.length + 1).split('.', 1)[0])] : [];
  });
  const shapeOf = (name: string): Shape => (Object.hasOwn(weights, name) ? weights[name]!.shape : []);
  const width = shapeOf(names.class)[2] ?? HEAD;
  const patch = shapeOf(`${names.patch}.weight`)[2] ?? 14;
  const hidden = shapeOf(`${names.block}.0.mlp.fc1.weight`)[0] ?? 4 * width;
  const depth = Math.max(0, ...blocks.filter(Number.isInteger)) + 1;
  const side = Math.max(1, Math.floor(Math.sqrt((shapeOf(names.positions)[1] ?? 2) - 1)));
  const config = { width, depth, heads: width / HEAD, hidden, patch, size };
  if (!Number.isInteger(config.heads) || size % patch !== 0) {
    const fault = `wanted a width that ${HEAD} divides and patches that divide ${size} pixels, got ${width} and ${patch}`;
    throw new CheckpointError(source, fault, { tensor: `${names.patch}.weight` });
  }

  const take = (name: string, shape: Shape): Float32Array => takeTensor(weights, name, shape, source);
  const positions = take(names.positions, [1, side * side + 1, width]);
  const params: Record<string, HostTensor> = {
    'patch.weight': hostTensor([width, 3, patch, patch], take(`${names.patch}.weight`, [width, 3, patch, patch])),
    'patch.bias': hostTensor([width], take(`${names.patch}.bias`, [width])),
    class: hostTensor([1, 1, width], take(names.class, [1, 1, width])),
    positions: stacked(
      [1, (size / patch) ** 2 + 1, width],
      [
        positions.subarray(0, width),
        resizePositions(positions.subarray(width), { from: side, to: size / patch, width, offset }),
      ],
    ),
    'norm.weight': hostTensor([width], take(`${names.norm}.weight`, [width])),
    'norm.bias': hostTensor([width], take(`${names.norm}.bias`, [width])),
  };
  for (let i = 0; i < depth; i++) {
    const [from, to] = [`${names.block}.${i}`, `block${i}`];
    for (const part of ['norm1.weight', 'norm1.bias', 'norm2.weight', 'norm2.bias']) {
      params[`${to}.${part}`] = hostTensor([width], take(`${from}.${part}`, [width]));
    }
    const rows = (3 * width) / names.qkv.length;
    const parts = (part: string, shape: Shape): Float32Array[] =>
      names.qkv.map((name) => take(`${from}.${name}.${part}`, shape));
    params[`${to}.qkv.weight`] = stacked([3 * width, width], parts('weight', [rows, width]));
    params[`${to}.qkv.bias`] = stacked([3 * width], parts('bias', [rows]));
    params[`${to}.inner.weight`] = hostTensor([hidden, width], take(`${from}.mlp.fc1.weight`, [hidden, width]));
    params[`${to}.inner.bias`] = hostTensor([hidden], take(`${from}.mlp.fc1.bias`, [hidden]));
    const ends = [
      ['projection', names.projection, width],
      ['outer', 'mlp.fc2', hidden],
    ] as const;
    ends.forEach(([name, published, inputs], end) => {
      const scale = take(`${from}.${names.scales[end as 0 | 1]}`, [width]);
      const weight = take(`${from}.${published}.weight`, [width, inputs]);
      const scaled = weight.map((value, at) => value * scale[Math.floor(at / inputs)]!);
      params[`${to}.${name}.weight`] = hostTensor([width, inputs], scaled);
      params[`${to}.${name}.bias`] = hostTensor(
        [width],
        take(`${from}.${published}.bias`, [width]).map((value, at) => value * scale[at]!),
      );
    });
  }
  return { config, params };
}

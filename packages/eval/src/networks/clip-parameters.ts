import { CheckpointError } from '@flowmap/core';
import { hostTensor, type HostTensor, type HostTensors, type Shape } from '@flowmap/tensor';
import { takeTensor } from '../weights/take-tensor.js';
import type { ClipEncoderConfig, ClipImageConfig, ClipTextConfig } from './clip.js';
import { stacked } from './encoder-block.js';

/** Channels of a head in all sizes of the network. */
const HEAD = 64;

/** One encoder with its parameters. */
export interface ClipEncoder<Config> {
  readonly config: Config;
  readonly params: HostTensors;
}

/**
 * Configurations and parameters of both encoders from the tensors of a published file, by the names of `transformers`
 * (`openai/clip-vit-large-patch14`, `openai/clip-vit-base-patch32` and the like). Extents are read from the tensors' shapes.
 *
 * @param weights tensors by name
 * @param source their name in messages
 * @throws {CheckpointError} for a tensor that is missing, has another shape or a value that is not finite, naming it
 */
export function clipParameters(
  weights: HostTensors,
  source: string,
): { images: ClipEncoder<ClipImageConfig>; texts: ClipEncoder<ClipTextConfig> } {
  const shapeOf = (name: string): Shape => (Object.hasOwn(weights, name) ? weights[name]!.shape : []);
  const take = (name: string, shape: Shape): HostTensor => hostTensor(shape, takeTensor(weights, name, shape, source));
  const encoder = (prefix: string, projection: string): { config: ClipEncoderConfig; params: HostTensors } => {
    const [features = 1, width = HEAD] = shapeOf(projection);
    const layers = `${prefix}.encoder.layers`;
    const numbers = Object.keys(weights).flatMap((name) => {
      return name.startsWith(`${layers}.`) ? [Number(name.slice(layers.length + 1).split('.', 1)[0])] : [];
    });
    const depth = Math.max(0, ...numbers.filter(Number.isInteger)) + 1;
    const hidden = shapeOf(`${layers}.0.mlp.fc1.weight`)[0] ?? 4 * width;
    if (width % HEAD !== 0) {
      throw new CheckpointError(source, `wanted a width that ${HEAD} divides, got ${width}`, { tensor: projection });
    }
    const params: Record<string, HostTensor> = { 'projection.weight': take(projection, [features, width]) };
    for (let i = 0; i < depth; i++) Object.assign(params, blockOf(`${layers}.${i}`, `block${i}`, width, hidden));
    return { config: { width, depth, heads: width / HEAD, hidden, features }, params };
  };
  const blockOf = (from: string, to: string, width: number, hidden: number): HostTensors => {
    const pair = (name: string, [outputs = 0, ...inputs]: Shape): HostTensor[] => [
      take(`${from}.${name}.weight`, [outputs, ...inputs]),
      take(`${from}.${name}.bias`, [outputs]),
    ];
    const qkv = ['q', 'k', 'v'].map((name) => pair(`self_attn.${name}_proj`, [width, width]));
    const below = (part: number, shape: Shape): HostTensor =>
      stacked(
        shape,
        qkv.map((parts) => parts[part]!.data as Float32Array),
      );
    const others = {
      norm1: pair('layer_norm1', [width]),
      qkv: [below(0, [3 * width, width]), below(1, [3 * width])],
      projection: pair('self_attn.out_proj', [width, width]),
      norm2: pair('layer_norm2', [width]),
      inner: pair('mlp.fc1', [hidden, width]),
      outer: pair('mlp.fc2', [width, hidden]),
    };
    return Object.fromEntries(
      Object.entries(others).flatMap(([name, [weight, bias]]) => [
        [`${to}.${name}.weight`, weight!],
        [`${to}.${name}.bias`, bias!],
      ]),
    );
  };
  const normOf = (from: string, to: string, width: number): HostTensors => ({
    [`${to}.weight`]: take(`${from}.weight`, [width]),
    [`${to}.bias`]: take(`${from}.bias`, [width]),
  });

  const image = encoder('vision_model', 'visual_projection.weight');
  const { width } = image.config;
  const [table, kernel] = ['position_embedding.weight', 'patch_embedding.weight'].map(
    (name) => `vision_model.embeddings.${name}`,
  ) as [string, string];
  const patch = shapeOf(kernel)[2] ?? 14;
  const side = Math.max(1, Math.floor(Math.sqrt((shapeOf(table)[0] ?? 2) - 1)));
  const text = encoder('text_model', 'text_projection.weight');
  const [vocabulary = 1] = shapeOf('text_model.embeddings.token_embedding.weight');
  const [length = 77] = shapeOf('text_model.embeddings.position_embedding.weight');
  const own = text.config.width;
  return {
    images: {
      config: { ...image.config, patch, size: side * patch },
      params: {
        ...image.params,
        ...normOf('vision_model.pre_layrnorm', 'before', width),
        ...normOf('vision_model.post_layernorm', 'after', width),
        'patch.weight': take(kernel, [width, 3, patch, patch]),
        class: { ...take('vision_model.embeddings.class_embedding', [width]), shape: [1, 1, width] },
        positions: { ...take(table, [side ** 2 + 1, width]), shape: [1, side ** 2 + 1, width] },
      },
    },
    texts: {
      config: { ...text.config, vocabulary, length },
      params: {
        ...text.params,
        ...normOf('text_model.final_layer_norm', 'after', own),
        tokens: take('text_model.embeddings.token_embedding.weight', [vocabulary, own]),
        positions: {
          ...take('text_model.embeddings.position_embedding.weight', [length, own]),
          shape: [1, length, own],
        },
      },
    },
  };
}

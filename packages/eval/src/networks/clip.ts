import type { Module } from '@flowmap/core';
import { concat, constant, conv2d, type Shape, type Tensor, type Tensors } from '@flowmap/tensor';
import { affine, encoderBlock, encoderBlockShapes, norm } from './encoder-block.js';
import { initialValues } from './initial-values.js';

/** Extents that both encoders of CLIP have. */
export interface ClipEncoderConfig {
  /** Width of tokens. */
  readonly width: number;
  /** Number of blocks. */
  readonly depth: number;
  readonly heads: number;
  /** Width inside the perceptrons. */
  readonly hidden: number;
  /** Width of features, the same for images and texts. */
  readonly features: number;
}

/** Extents of CLIP's encoder of images. */
export interface ClipImageConfig extends ClipEncoderConfig {
  /** Side of a patch in pixels. */
  readonly patch: number;
  /** Side of an image in pixels, a multiple of `patch`. */
  readonly size: number;
}

/** Extents of CLIP's encoder of texts. */
export interface ClipTextConfig extends ClipEncoderConfig {
  /** Number of different tokens; the last one ends a text. */
  readonly vocabulary: number;
  /** Tokens of a text, including those that fill it up. */
  readonly length: number;
}

const EPSILON = 1e-5;
/** Added to the scores of later tokens; softmax turns it into 0. */
const HIDDEN = -1e9;

/**
 * CLIP's encoder of images (Radford et al., 2021): a vision transformer whose class token, after a norm, is projected to
 * the features that images share with texts.
 *
 * Its module maps images `[n, 3, size, size]`, minus CLIP's mean and divided by its deviation, to `[n,
 * features]`, not normalised.
 */
export function clipImageNetwork(config: ClipImageConfig): Module<Tensor> {
  const { width, patch, size, features } = config;
  const count = (size / patch) ** 2;
  const shapes = encoderShapes(config, ['before', 'after'], {
    'patch.weight': [width, 3, patch, patch],
    class: [1, 1, width],
    positions: [1, count + 1, width],
    'projection.weight': [features, width],
  });
  return {
    ...declared(shapes),
    apply(params, images) {
      const [n = 0] = images.shape;
      const filtered = conv2d(images, params['patch.weight']!, { stride: patch });
      const patches = filtered.reshape([n, width, count]).transpose([0, 2, 1]);
      const tokens = concat([params.class!.broadcastTo([n, 1, width]), patches], 1).add(params.positions!);
      const x = blocks(params, norm(params, 'before', tokens, EPSILON), config);
      const last = norm(params, 'after', x.slice([0, 0, 0], [n, 1, width]).reshape([n, width]), EPSILON);
      return affine(params, 'projection', last);
    },
  };
}

/**
 * CLIP's encoder of texts: a transformer in which a token sees only those before it. The token that ends a text,
 * after a norm, is projected to the features that texts share with images.
 *
 * Its module maps tokens, int32 `[n, length]`, to `[n, features]`, not normalised. Anything after the first token
 * that ends a text makes no difference.
 */
export function clipTextNetwork(config: ClipTextConfig): Module<Tensor> {
  const { width, vocabulary, length, features } = config;
  const shapes = encoderShapes(config, ['after'], {
    tokens: [vocabulary, width],
    positions: [1, length, width],
    'projection.weight': [features, width],
  });
  const later = Float32Array.from({ length: length ** 2 }, (_, i) =>
    i % length > Math.floor(i / length) ? HIDDEN : 0,
  );
  return {
    ...declared(shapes),
    apply(params, tokens) {
      const [n = 0] = tokens.shape;
      const embedded = params.tokens!.gather(tokens).add(params.positions!);
      const x = blocks(params, embedded, config, constant(later, [length, length]));
      const ends = tokens
        .equal(vocabulary - 1)
        .cast('float32')
        .argMax(1);
      const rows = constant(
        Int32Array.from({ length: n }, (_, i) => i * length),
        [n],
        'int32',
      ).add(ends);
      return affine(params, 'projection', norm(params, 'after', x.reshape([n * length, width]).gather(rows), EPSILON));
    },
  };
}

function encoderShapes(
  { width, depth, hidden }: ClipEncoderConfig,
  norms: readonly string[],
  others: Readonly<Record<string, Shape>>,
): Record<string, Shape> {
  const shapes: Record<string, Shape> = { ...others };
  for (const name of norms) Object.assign(shapes, { [`${name}.weight`]: [width], [`${name}.bias`]: [width] });
  for (let i = 0; i < depth; i++) Object.assign(shapes, encoderBlockShapes(`block${i}`, width, hidden));
  return shapes;
}

function declared(shapes: Readonly<Record<string, Shape>>): Pick<Module<Tensor>, 'parameters' | 'init'> {
  return {
    parameters: Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }])),
    init: (seed) => initialValues(shapes, seed),
  };
}

function blocks(params: Tensors, x: Tensor, { depth, heads }: ClipEncoderConfig, mask?: Tensor): Tensor {
  const options = { heads, activation: quickGelu, epsilon: EPSILON, ...(mask === undefined ? {} : { mask }) };
  return Array.from({ length: depth }).reduce<Tensor>((y, _, i) => encoderBlock(params, `block${i}`, y, options), x);
}

/** CLIP's approximation of GELU. */
function quickGelu(x: Tensor): Tensor {
  return x.mul(x.mul(1.702).sigmoid());
}

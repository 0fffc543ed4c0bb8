import {
  attention,
  concat,
  constant,
  full,
  hostTensor,
  linear,
  requireKnownOptions,
  rmsNorm,
  split,
  type OptionNames,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import type { Network, NetworkInputs } from '../plugins.js';
import { CONDITIONING_OPTIONS, conditioning, type ConditioningConfig } from './conditioning.js';
import { extras } from './extras.js';
import { collect, dense, type Layer } from './layers.js';
import { defineNetwork, MAX_DEPTH, requireShape, requireSize } from './network.js';

/** A diffusion transformer on square patches of images. */
export interface DitConfig extends ConditioningConfig {
  readonly type: 'dit';
  /** 0 unless given. */
  readonly classes: number;
  /** Pixels per side of a patch; 4 unless given. */
  readonly patch: number;
  /** Width of a token; 256 unless given. */
  readonly width: number;
  /** Number of blocks; 8 unless given. */
  readonly depth: number;
  /** Attention heads, a divisor of the width; 4 unless given. */
  readonly heads: number;
}

/** Options of {@link dit}; all but the shape have defaults, see {@link DitConfig}. */
export type DitOptions = Pick<DitConfig, 'shape'> & Partial<Omit<DitConfig, 'type' | 'shape'>>;

const OPTIONS: OptionNames<DitConfig> = {
  ...CONDITIONING_OPTIONS,
  patch: true,
  width: true,
  depth: true,
  heads: true,
};

/**
 * Diffusion transformer with adaptive norms (Peebles and Xie, "Scalable diffusion models with transformers", 2023, the
 * adaLN-Zero variant), with RMS norm in place of layer norm and SiLU in place of GELU, as both have cheaper
 * derivatives. The gates and the output layer start at zero, so an untrained network is the zero field. Its `features` are
 * the tokens after each block, as maps.
 *
 * @throws {ConfigError} for an unknown option, a sample shape that is not `[channels, height, width]`, sizes that are not whole
 *   numbers >= 1, a patch that does not divide the image, heads that do not divide the width, a width that 4 does not
 *   divide, or conditions or `intervalBlocks` that make no sense
 */
export function dit(options: DitOptions): Network<DitConfig> {
  requireKnownOptions<Partial<DitConfig>>('dit', options, OPTIONS);
  const { shape, classes = 0, interval = false, patch = 4, width = 256, depth = 8, heads = 4 } = options;
  const more = extras({ conditions: options.conditions, intervalBlocks: options.intervalBlocks });
  const config: DitConfig = { type: 'dit', shape, classes, interval, patch, width, depth, heads, ...more };
  const [channels, rows, columns] = gridOf(config);
  const patchSize = channels * patch ** 2;
  const condition = conditioning(config, width, depth);
  const first = dense('input', patchSize, width);
  const blocks = Array.from({ length: depth }, (_, i) => transformerBlock(`block${i}`, width, heads));
  const modulation = dense('output.modulation', width, 2 * width, { zero: true });
  const last = dense('output', width, patchSize, { zero: true });
  let positions: Float64Array | undefined;

  const parameters = collect([condition, first, ...blocks, modulation, last]);
  type Conditioning = ReturnType<typeof condition.applyToBlocks>;
  const tokens = (params: Tensors, { x }: NetworkInputs, c: Conditioning): Tensor[] => {
    positions ??= positionFeatures(rows, columns, width);
    let h = first.apply(params, patches(x, patch)).add(constant(positions, [1, rows * columns, width]));
    return blocks.map((block, i) => (h = block.apply(params, h, c.of(i))));
  };
  const apply: Network['apply'] = (params, inputs) => {
    const c = condition.applyToBlocks(params, inputs);
    const h = tokens(params, inputs, c).at(-1)!;
    const [shift, scale] = chunks(modulation.apply(params, c.output), 2);
    return unpatches(last.apply(params, modulate(rmsNorm(h), shift!, scale!)), channels, patch, rows, columns);
  };
  const features: Network['features'] = (params, inputs) => {
    const all = tokens(params, inputs, condition.applyToBlocks(params, inputs));
    return all.map((h) => h.transpose([0, 2, 1]).reshape([-1, width, rows, columns]));
  };
  return defineNetwork(config, parameters, apply, { conditions: condition.conditions, features });
}

/** `h + gate attention(modulate(rms(h)))`, then the same with a two-layer perceptron of four times the width. */
function transformerBlock(name: string, width: number, heads: number): Layer<[h: Tensor, c: Tensor]> {
  const modulation = dense(`${name}.modulation`, width, 6 * width, { zero: true });
  const qkv = queriesKeysValues(`${name}.qkv`, width);
  const projection = dense(`${name}.projection`, width, width);
  const inner = dense(`${name}.inner`, width, 4 * width);
  const outer = dense(`${name}.outer`, 4 * width, width);
  return {
    parameters: collect([modulation, qkv, projection, inner, outer]),
    apply(params, h, c) {
      const [shift1, scale1, gate1, shift2, scale2, gate2] = chunks(modulation.apply(params, c), 6);
      const attended = selfAttention(qkv.apply(params, modulate(rmsNorm(h), shift1!, scale1!)), heads);
      const middle = h.add(projection.apply(params, attended).mul(gate1!));
      const hidden = inner.apply(params, modulate(rmsNorm(middle), shift2!, scale2!)).silu();
      return middle.add(outer.apply(params, hidden).mul(gate2!));
    },
  };
}

/**
 * `x W + b` for queries, keys and values side by side, `[..., 3 width]`, with no bias for the keys: it would add the
 * same amount to all scores of a query, which cancels in the softmax. Its gradient would be zero up to rounding, and an
 * optimizer that divides by the gradient's size would turn that into full steps. Earlier networks had such a bias,
 * which has no effect and is dropped.
 */
export function queriesKeysValues(name: string, width: number): Layer {
  const [weight, bias] = [`${name}.weight`, `${name}.bias`];
  return {
    parameters: {
      [weight]: { shape: [width, 3 * width], std: 1 / Math.sqrt(width) },
      [bias]: {
        shape: [2 * width],
        std: 0,
        earlier: {
          shape: [3 * width],
          upgraded: ({ data, dtype }) => {
            const kept = data.slice(0, 2 * width);
            kept.set(data.subarray(2 * width), width);
            return hostTensor([2 * width], kept, dtype);
          },
        },
      },
    },
    apply: (params, x) => {
      const [query, value] = split(params[bias]!, 2, 0);
      const keys = full(0, [width], query!.dtype);
      return linear(x, params[weight]!, concat([query!, keys, value!], 0));
    },
  };
}

/** Multi-head self-attention of `[batch, tokens, 3 width]`, which holds queries, keys and values side by side. */
export function selfAttention(qkv: Tensor, heads: number): Tensor {
  const [batch = 0, tokens = 0, triple = 0] = qkv.shape;
  const size = triple / 3 / heads;
  const [query, key, value] = split(qkv, 3, 2).map((part) =>
    part.reshape([batch, tokens, heads, size]).transpose([0, 2, 1, 3]),
  );
  const attended = attention(query!, key!, value!).transpose([0, 2, 1, 3]);
  return attended.reshape([batch, tokens, heads * size]);
}

/** `(1 + scale) h + shift`, with `[batch, 1, width]` factors. */
function modulate(h: Tensor, shift: Tensor, scale: Tensor): Tensor {
  return h.mul(scale.add(1)).add(shift);
}

/** `[batch, n width]` as `n` tensors `[batch, 1, width]`. */
function chunks(x: Tensor, count: number): Tensor[] {
  return split(x.reshape([x.shape[0]!, 1, -1]), count, 2);
}

/** `[batch, c, h, w]` as tokens `[batch, (h / p) (w / p), c p p]`. */
function patches(x: Tensor, p: number): Tensor {
  const [batch = 0, c = 0, h = 0, w = 0] = x.shape;
  const blocks = x.reshape([batch, c, h / p, p, w / p, p]).transpose([0, 2, 4, 1, 3, 5]);
  return blocks.reshape([batch, (h / p) * (w / p), c * p * p]);
}

/** The inverse of {@link patches}. */
function unpatches(tokens: Tensor, c: number, p: number, rows: number, columns: number): Tensor {
  const batch = tokens.shape[0]!;
  const blocks = tokens.reshape([batch, rows, columns, c, p, p]).transpose([0, 3, 1, 4, 2, 5]);
  return blocks.reshape([batch, c, rows * p, columns * p]);
}

/** Sines and cosines of each token's row and column, a quarter of the width each, row-major `[tokens, width]`. */
function positionFeatures(rows: number, columns: number, width: number): Float64Array {
  const quarter = width / 4;
  const features = new Float64Array(rows * columns * width);
  for (let token = 0; token < rows * columns; token++) {
    const place = [Math.floor(token / columns), token % columns] as const;
    for (let k = 0; k < quarter; k++) {
      const frequency = 10_000 ** (-k / quarter);
      place.forEach((position, axis) => {
        const offset = token * width + 2 * axis * quarter + k;
        features[offset] = Math.sin(position * frequency);
        features[offset + quarter] = Math.cos(position * frequency);
      });
    }
  }
  return features;
}

function gridOf({ shape, patch, width, depth, heads }: DitConfig): [channels: number, rows: number, columns: number] {
  const [channels = 0, height = 0, columns = 0] = shape;
  requireShape('dit.shape', shape, ['channels', 'height', 'width']);
  for (const [name, value] of Object.entries({ patch, width, heads })) requireSize(`dit.${name}`, value);
  requireSize('dit.depth', depth, MAX_DEPTH);
  if (height % patch !== 0 || columns % patch !== 0) {
    throw new ConfigError('dit.patch', `${patch} does not divide images of ${height} x ${columns}`);
  }
  if (width % heads !== 0) throw new ConfigError('dit.heads', `${heads} does not divide the width ${width}`);
  if (width % 4 !== 0) throw new ConfigError('dit.width', `wanted a multiple of 4, got ${width}`);
  return [channels, height / patch, columns / patch];
}

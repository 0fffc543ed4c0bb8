import {
  full,
  requireKnownOptions,
  requireWhole,
  rmsNorm,
  split,
  type OptionNames,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { isList } from '../internal/json.js';
import type { Network, NetworkInputs } from '../plugins.js';
import { CONDITIONING_OPTIONS, conditioning, type ConditioningConfig } from './conditioning.js';
import { queriesKeysValues, selfAttention } from './dit.js';
import { dropout as dropoutOf, requireRate } from './dropout.js';
import { extras } from './extras.js';
import { collect, collectDraws, convolution, dense, type Layer } from './layers.js';
import { defineNetwork, MAX_DEPTH, requireShape, requireSize } from './network.js';

/** A convolutional U-net for small images. */
export interface UnetConfig extends ConditioningConfig {
  readonly type: 'unet';
  /** 0 unless given. */
  readonly classes: number;
  /**
   * Channels of each resolution, full resolution first, each one half as wide and high as the one before;
   * `[32, 64, 128]` unless given.
   */
  readonly channels: readonly number[];
  /** Residual blocks at each resolution on the way down, and again on the way up; 1 unless given. */
  readonly blocks: number;
  /** Channels of one group of the group norm, a divisor of all channel counts; 16 unless given. */
  readonly groupSize: number;
  /** Width of the conditioning vector; 128 unless given. */
  readonly conditionWidth: number;
  /** Heads of the self-attention at the lowest resolution; 0 = no attention; 4 unless given. */
  readonly heads: number;
  /** Share of a residual block's channels that are dropped in training, in [0, 1); 0 unless given. */
  readonly dropout?: number;
}

/** A block that takes the conditioning vector, and random numbers in training. */
type ConditionedLayer = Layer<[x: Tensor, c: Tensor, draws: Tensors | undefined]>;

/** Consecutive blocks, each with its own conditioning vector. */
type Stage = Layer<[x: Tensor, conditionOf: (block: number) => Tensor, draws: Tensors | undefined]>;

/** Maximum number of resolutions: each halves the sides of the image. */
const MAX_LEVELS = 16;

/** Options of {@link unet}; all but the shape have defaults, see {@link UnetConfig}. */
export type UnetOptions = Pick<UnetConfig, 'shape'> & Partial<Omit<UnetConfig, 'type' | 'shape'>>;

const OPTIONS: OptionNames<UnetConfig> = {
  ...CONDITIONING_OPTIONS,
  channels: true,
  blocks: true,
  groupSize: true,
  conditionWidth: true,
  heads: true,
  dropout: true,
};

/**
 * Class-conditional U-net: residual blocks with group norm and feature-wise modulation by times and conditions, average
 * pooling down, nearest-neighbour upsampling up, additive skip connections, and self-attention at the lowest
 * resolution. Each block's last convolution and the output layer start at zero, so an untrained network is the zero
 * field.
 *
 * Group norm divides by the root mean square without centring, and its scale is folded with the modulation into one
 * factor per channel: on small feature maps the time is spent on passes over memory, and this saves several for the
 * value and more for the derivatives.
 *
 * Its `features` are the maps after the blocks on the way up, the lowest resolution first.
 *
 * @throws {ConfigError} for an unknown option, a sample shape that is not `[channels, height, width]`, sizes that are not whole
 *   numbers >= 1, an image that cannot be halved once per resolution, channels that the groups or heads do not divide,
 *   or invalid conditions, dropout or `intervalBlocks`
 */
export function unet(options: UnetOptions): Network<UnetConfig> {
  requireKnownOptions<Partial<UnetConfig>>('unet', options, OPTIONS);
  const { shape, classes = 0, interval = false, blocks = 1, groupSize = 16, conditionWidth = 128, heads = 4 } = options;
  const { channels = [32, 64, 128], dropout = 0 } = options;
  const config: UnetConfig = {
    type: 'unet',
    shape,
    classes,
    interval,
    channels,
    blocks,
    groupSize,
    conditionWidth,
    heads,
    ...extras(options),
  };
  check(config);
  requireRate('unet.dropout', dropout);
  const [imageChannels] = shape as [number];
  const condition = conditioning(config, conditionWidth, 2 * channels.length * blocks);
  const block = (name: string, inputs: number, outputs: number): ConditionedLayer =>
    residualBlock(name, inputs, outputs, { groupSize, conditionWidth, dropout });
  const stage = (name: string, inputs: number, outputs: number): Stage =>
    sequence(Array.from({ length: blocks }, (_, i) => block(`${name}.${i}`, i === 0 ? inputs : outputs, outputs)));

  const lowest = channels.at(-1)!;
  const first = convolution('input', imageChannels, channels[0]!, 3);
  const down = channels.map((count, level) => stage(`down${level}`, channels[Math.max(level - 1, 0)]!, count));
  const middle = heads > 0 ? [attentionBlock('middle.attention', lowest, heads)] : [];
  const up = channels.map((count, level) => stage(`up${level}`, count, count));
  const widen = channels.slice(1).map((count, level) => convolution(`widen${level}`, count, channels[level]!, 1));
  const last = convolution('output', channels[0]!, imageChannels, 3, { zero: true });

  const parameters = collect([condition, first, ...down, ...middle, ...up, ...widen, last]);
  const features = (params: Tensors, inputs: NetworkInputs): Tensor[] => {
    const c = condition.applyToBlocks(params, inputs);
    const conditionsOf = (index: number) => (block: number) => c.of(index * blocks + block);
    const skips: Tensor[] = [];
    const maps: Tensor[] = [];
    let h = first.apply(params, inputs.x);
    down.forEach((part, level) => {
      if (level > 0) h = h.sumPool2d(2).mul(1 / 4);
      h = part.apply(params, h, conditionsOf(level), inputs.draws);
      skips.push(h);
    });
    for (const part of middle) h = part.apply(params, h);
    for (let level = channels.length - 1; level >= 0; level--) {
      if (level < channels.length - 1) h = skips[level]!.add(widen[level]!.apply(params, h).upsample2d(2));
      h = up[level]!.apply(params, h, conditionsOf(2 * channels.length - 1 - level), inputs.draws);
      maps.push(h);
    }
    return maps;
  };
  const apply: Network['apply'] = (params, inputs) => {
    return last.apply(params, normalize(features(params, inputs).at(-1)!, groupSize).silu());
  };
  const draws = collectDraws([...down, ...up]);
  return defineNetwork(config, parameters, apply, { conditions: condition.conditions, draws, features });
}

/**
 * `x + conv(dropout(silu(modulate(norm(conv(silu(norm(x))))))))`, with a 1 x 1 convolution on the skip where channels
 * change.
 */
function residualBlock(
  name: string,
  inputs: number,
  outputs: number,
  { groupSize, conditionWidth, dropout }: { groupSize: number; conditionWidth: number; dropout: number },
): ConditionedLayer {
  const modulation = dense(`${name}.modulation`, conditionWidth, 2 * outputs);
  const inner = convolution(`${name}.inner`, inputs, outputs, 3);
  const outer = convolution(`${name}.outer`, outputs, outputs, 3, { zero: true });
  const skip = inputs === outputs ? [] : [convolution(`${name}.skip`, inputs, outputs, 1)];
  const drop = dropoutOf(`${name}.dropout`, outputs, dropout);
  return {
    parameters: collect([modulation, inner, outer, ...skip]),
    draws: drop.draws,
    apply(params, x, c, draws) {
      const [scale, shift] = split(modulation.apply(params, c), 2, 1);
      const h = inner.apply(params, normalize(x, groupSize).silu());
      const hidden = drop.apply(normalize(h, groupSize, scale, shift).silu(), draws);
      const residual = outer.apply(params, hidden);
      return (skip[0]?.apply(params, x) ?? x).add(residual);
    },
  };
}

/** Self-attention among all pixels: `x + project(attention(rms(x)))`. */
function attentionBlock(name: string, channels: number, heads: number): Layer {
  const qkv = queriesKeysValues(`${name}.qkv`, channels);
  const projection = dense(`${name}.projection`, channels, channels, { zero: true });
  return {
    parameters: collect([qkv, projection]),
    apply(params, x) {
      const [batch = 0, , height = 0, width = 0] = x.shape;
      const tokens = x.transpose([0, 2, 3, 1]).reshape([batch, height * width, channels]);
      const attended = projection.apply(params, selfAttention(qkv.apply(params, rmsNorm(tokens)), heads));
      return x.add(attended.reshape([batch, height, width, channels]).transpose([0, 3, 1, 2]));
    },
  };
}

/**
 * Root-mean-square group norm, then `(1 + scale) x + shift` per channel, with one multiplication and one addition per
 * element.
 *
 * @param x `[n, c, h, w]`
 * @param scale `[n, c]`, optional
 * @param shift `[n, c]`, optional
 */
function normalize(x: Tensor, groupSize: number, scale?: Tensor, shift?: Tensor): Tensor {
  const [n = 0, c = 0] = x.shape;
  const groups = c / groupSize;
  // Reshaped before squaring: onnxruntime then converts one image out of its convolution layout rather than two.
  const meanSquare = x.reshape([n, groups, -1]).square().mean([2], true);
  const inverse = full(1).div(meanSquare.add(1e-5).sqrt());
  const factor = scale
    ? inverse.mul(scale.add(1).reshape([n, groups, groupSize]))
    : inverse.broadcastTo([n, groups, groupSize]);
  const normalized = x.mul(factor.reshape([n, c, 1, 1]));
  return shift ? normalized.add(shift.reshape([n, c, 1, 1])) : normalized;
}

function sequence(parts: readonly ConditionedLayer[]): Stage {
  return {
    parameters: collect(parts),
    draws: collectDraws(parts),
    apply: (params, x, conditionOf, draws) =>
      parts.reduce((h, part, i) => part.apply(params, h, conditionOf(i), draws), x),
  };
}

function check({ shape, channels, blocks, groupSize, conditionWidth, heads }: UnetConfig): void {
  requireShape('unet.shape', shape, ['channels', 'height', 'width']);
  if (!isList(channels) || channels.length === 0 || channels.length > MAX_LEVELS) {
    throw new ConfigError('unet.channels', `wanted a list of 1 to ${MAX_LEVELS} channel counts`);
  }
  for (const [name, value] of Object.entries({ groupSize, conditionWidth })) requireSize(`unet.${name}`, value);
  requireSize('unet.blocks', blocks, MAX_DEPTH);
  requireWhole('unet.heads', heads, 0);
  for (const count of channels) {
    requireSize('unet.channels', count);
    if (count % groupSize !== 0)
      throw new ConfigError('unet.groupSize', `${groupSize} does not divide ${count} channels`);
  }
  const halvings = 2 ** (channels.length - 1);
  const [, height = 0, width = 0] = shape;
  if (height % halvings !== 0 || width % halvings !== 0) {
    throw new ConfigError(
      'unet.channels',
      `${channels.length} resolutions need sides that ${halvings} divides, got ${height} x ${width}`,
    );
  }
  if (heads > 0 && channels.at(-1)! % heads !== 0) {
    throw new ConfigError(
      'unet.heads',
      `${heads} does not divide the ${channels.at(-1)} channels of the lowest resolution`,
    );
  }
}

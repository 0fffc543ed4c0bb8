import { collect, ConfigError, type Layer } from '@flowmap/core';
import { leakyRelu, requireKnownOptions, requireWhole, type Tensor } from '@flowmap/tensor';
import { defineDiscriminator, type Discriminator } from './discriminator.js';
import { requireShape } from './internal/checks.js';
import { classProjection } from './internal/class-projection.js';
import { equalisedConvolution, equalisedDense } from './internal/equalised.js';
import { withMinibatchDeviation } from './internal/minibatch-deviation.js';

/** Options of {@link residualDiscriminator}. */
export interface ResidualDiscriminatorOptions {
  /** `[channels, height, width]`. */
  readonly shape: readonly number[];
  /** Number of classes; 0 unless given. */
  readonly classes?: number;
  /**
   * Channels of each resolution, full resolution first, each one half as wide and high as the one before; unless given
   * 64, 128, 256 and so on up to 512, down to sides of 4 to 7.
   */
  readonly channels?: readonly number[];
}

/**
 * The residual discriminator of StyleGAN2 (Karras et al. 2020): two convolutions and a skip at each resolution,
 * equalised learning rate, minibatch standard deviation, class projection. It halves images by averaging 2 x 2 pixels
 * before the second convolution of a block, whereas StyleGAN2 does it in that convolution with a wider filter.
 *
 * @throws {ConfigError} for a shape that is not `[channels, height, width]`, an image that cannot be halved once per
 *   resolution, or numbers of channels or classes that are not whole numbers
 */
export function residualDiscriminator(options: ResidualDiscriminatorOptions): Discriminator {
  requireKnownOptions('residualDiscriminator', options, { shape: true, classes: true, channels: true });
  return residual('residualDiscriminator', options);
}

/**
 * The residual discriminator with 32, 64, 128 and 128 channels, for images of 32 x 32 and others with sides divisible
 * by 8: 0.9 million parameters at 32 x 32.
 *
 * @throws {ConfigError} for another shape, or a number of classes that is not a whole number
 */
export function smallDiscriminator(options: Omit<ResidualDiscriminatorOptions, 'channels'>): Discriminator {
  requireKnownOptions('smallDiscriminator', options, { shape: true, classes: true });
  return residual('smallDiscriminator', { ...options, channels: [32, 64, 128, 128] });
}

function residual(name: string, { shape, classes = 0, channels: given }: ResidualDiscriminatorOptions): Discriminator {
  requireShape(`${name}.shape`, shape, ['channels', 'height', 'width']);
  const [colours, height, width] = shape as [number, number, number];
  const channels = given ?? channelsFor(Math.min(height, width));
  const last = channels.at(-1);
  if (last === undefined) throw new ConfigError(`${name}.channels`, 'wanted at least one number, got none');
  for (const count of channels) requireWhole(`${name}.channels`, count);
  const divisor = 2 ** (channels.length - 1);
  if (height % divisor !== 0 || width % divisor !== 0) {
    const wanted = `wanted sides that ${divisor} divides, for ${channels.length} resolutions`;
    throw new ConfigError(`${name}.shape`, `${wanted}, got ${height} x ${width}`);
  }

  const colour = equalisedConvolution('colour', colours, channels[0]!, 1, rectified);
  const blocks = channels.slice(1).map((count, i) => halvingBlock(`block${i}`, channels[i]!, count));
  const convolution = equalisedConvolution('last', last + 1, last, 3, rectified);
  const dense = equalisedDense('dense', (last * height * width) / divisor ** 2, last, rectified);
  const output = classProjection('output', last, classes);
  return defineDiscriminator({
    name,
    config: { shape, classes, channels },
    shape,
    classes,
    parameters: collect([colour, ...blocks, convolution, dense, output]),
    judge(params, x, label) {
      let h = leakyRelu(colour.apply(params, x));
      for (const block of blocks) h = block.apply(params, h);
      h = leakyRelu(convolution.apply(params, withMinibatchDeviation(h)));
      const features = leakyRelu(dense.apply(params, h.reshape([x.shape[0]!, -1])));
      return { logits: output.apply(params, features, label), features };
    },
  });
}

/** The gain for layers before a leaky rectifier. */
const rectified = { gain: Math.SQRT2 };

/** `(conv(half(lrelu(conv(x)))) + skip(half(x))) / sqrt(2)`, with the rectifier after the second convolution too. */
function halvingBlock(name: string, inputs: number, outputs: number): Layer {
  const first = equalisedConvolution(`${name}.first`, inputs, inputs, 3, rectified);
  const second = equalisedConvolution(`${name}.second`, inputs, outputs, 3, rectified);
  const skip = equalisedConvolution(`${name}.skip`, inputs, outputs, 1, { bias: false });
  return {
    parameters: collect([first, second, skip]),
    apply(params, x) {
      const h = leakyRelu(second.apply(params, halved(leakyRelu(first.apply(params, x)))));
      return h.add(skip.apply(params, halved(x))).mul(Math.SQRT1_2);
    },
  };
}

const halved = (x: Tensor): Tensor => x.sumPool2d(2).mul(1 / 4);

function channelsFor(side: number): number[] {
  const levels = 1 + Math.max(0, Math.floor(Math.log2(side / 4)));
  return Array.from({ length: levels }, (_, level) => Math.min(512, 64 * 2 ** level));
}

import { ConfigError, type Module } from '@flowmap/core';
import {
  concat,
  conv2d,
  hostTensor,
  normals,
  relu,
  requireKnownOptions,
  requireWhole,
  sizeOf,
  type Runtime,
  type Tensor,
} from '@flowmap/tensor';
import type { Extractor } from './extractor.js';
import { moduleExtractor } from './module-extractor.js';

/** Options of {@link randomConvolution}. */
export interface RandomConvolutionOptions {
  readonly runtime: Runtime;
  /** Shape of an image, `[channels, height, width]`. */
  readonly shape: readonly [channels: number, height: number, width: number];
  /** Channels of each level, which halves the resolution of the one before; `[32, 64, 128]` unless given. */
  readonly channels?: readonly number[];
  /** Seed of the weights; 0 unless given. */
  readonly seed?: number;
  /** Images per run of the program; 64 unless given. */
  readonly batchSize?: number;
}

/**
 * An extractor that needs no download: a convolutional network with fixed random weights. Each level is a 3 x 3
 * convolution of stride 2 and a ReLU; the features are the mean and the root mean square of every channel of every
 * level. They distinguish textures and colours but know nothing about objects: distances can only be compared with one
 * another, never with an FID.
 *
 * @returns an extractor with features of width `2 sum(channels)`
 * @throws {ConfigError} for extents or numbers of channels that are not whole numbers >= 1
 */
export async function randomConvolution(
  options: RandomConvolutionOptions,
): Promise<Extractor & { dispose(): Promise<void> }> {
  requireKnownOptions('randomConvolution', options, {
    runtime: true,
    shape: true,
    channels: true,
    seed: true,
    batchSize: true,
  });
  const { runtime, shape, channels = [32, 64, 128], seed = 0, batchSize = 64 } = options;
  if (channels.length === 0) throw new ConfigError('randomConvolution.channels', 'wanted at least one level, got none');
  for (const extent of shape) requireWhole('randomConvolution.shape', extent);
  for (const count of channels) requireWhole('randomConvolution.channels', count);
  const module = randomLevels(shape[0], channels);
  const params = module.init(seed);
  return moduleExtractor({ name: 'random-convolution', runtime, module, params, shape, batchSize });
}

function randomLevels(inputs: number, channels: readonly number[]): Module<Tensor> {
  const shapeOf = (level: number): number[] => [channels[level]!, channels[level - 1] ?? inputs, 3, 3];
  const levels = channels.map((_, level) => ({ name: `level${level}.weight`, shape: shapeOf(level) }));
  return {
    parameters: Object.fromEntries(levels.map(({ name, shape }) => [name, { shape, dtype: 'float32' }])),
    init: (seed) =>
      Object.fromEntries(
        levels.map(({ name, shape }) => {
          // Kaiming's variance, which preserves the scale of activations.
          const std = Math.sqrt(2 / (9 * shape[1]!));
          const drawn = normals({ seed, purpose: `random-convolution ${name}` }, sizeOf(shape));
          return [
            name,
            hostTensor(
              shape,
              Float32Array.from(drawn, (value) => std * value),
            ),
          ];
        }),
      ),
    apply(params, x) {
      let image = x;
      const means = levels.flatMap(({ name }) => {
        image = relu(conv2d(image, params[name]!, { stride: 2, padding: 1 }));
        return [image.mean([2, 3]), image.square().mean([2, 3]).sqrt()];
      });
      return concat(means, 1);
    },
  };
}

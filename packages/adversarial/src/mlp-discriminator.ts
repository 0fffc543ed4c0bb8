import { collect, dense, type Layer } from '@flowmap/core';
import { requireKnownOptions, requireWhole, type Tensor } from '@flowmap/tensor';
import { defineDiscriminator, type Discriminator } from './discriminator.js';
import { requireShape } from './internal/checks.js';
import { classProjection } from './internal/class-projection.js';

/** Options of {@link mlpDiscriminator}. */
export interface MlpDiscriminatorOptions {
  /** `[n]`. */
  readonly shape: readonly number[];
  /** Number of classes; 0 unless given. */
  readonly classes?: number;
  /** Width of the hidden layers; 64 unless given. */
  readonly width?: number;
  /** Number of hidden layers; 3 unless given. */
  readonly depth?: number;
}

/**
 * A multilayer perceptron with `silu` for points of a few dimensions, with class projection.
 *
 * @throws {ConfigError} for a shape that is not `[n]`, or sizes that are not whole numbers >= 1
 */
export function mlpDiscriminator(options: MlpDiscriminatorOptions): Discriminator {
  requireKnownOptions('mlpDiscriminator', options, { shape: true, classes: true, width: true, depth: true });
  const { shape, classes = 0, width = 64, depth = 3 } = options;
  requireShape('mlpDiscriminator.shape', shape, ['n']);
  requireWhole('mlpDiscriminator.width', width);
  requireWhole('mlpDiscriminator.depth', depth);
  const layers = Array.from({ length: depth }, (_, i): Layer =>
    dense(`hidden${i}`, i === 0 ? shape[0]! : width, width),
  );
  const output = classProjection('output', width, classes);
  return defineDiscriminator({
    name: 'mlpDiscriminator',
    config: { shape, classes, width, depth },
    shape,
    classes,
    parameters: collect([...layers, output]),
    judge(params, x, label) {
      const features = layers.reduce((h: Tensor, layer) => layer.apply(params, h).silu(), x);
      return { logits: output.apply(params, features, label), features };
    },
  });
}

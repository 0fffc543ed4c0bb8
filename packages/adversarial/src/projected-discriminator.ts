import { collect, ConfigError, type InitialSpecs, type Layer } from '@flowmap/core';
import { concat, input, leakyRelu, pixelNorm, requireKnownOptions, requireWhole, rmsNorm } from '@flowmap/tensor';
import type { HostTensors, Tensor, Tensors } from '@flowmap/tensor';
import { defineDiscriminator, type Discriminator } from './discriminator.js';
import { classProjection } from './internal/class-projection.js';
import { equalisedConvolution, equalisedDense } from './internal/equalised.js';

/** A trained network, left unchanged, whose features a discriminator judges. */
export interface FrozenFeatures {
  readonly name: string;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  readonly params: HostTensors;
  /** Number of classes whose label it takes; 0, and no label, unless given. */
  readonly classes?: number;
  /**
   * Features of samples `[batch, ...shape]`: any number of maps `[batch, channels, height, width]` and vectors
   * `[batch, width]`.
   */
  apply(params: Tensors, x: Tensor, label?: Tensor): readonly Tensor[];
}

/** Options of {@link projectedDiscriminator}. */
export interface ProjectedDiscriminatorOptions {
  readonly features: FrozenFeatures;
  /** Number of classes; that of the features unless given, which must be the same if they take a label. */
  readonly classes?: number;
  /** Width of each head; 64 unless given. */
  readonly width?: number;
}

/**
 * Heads on the features of a frozen network, one for each of its outputs (projected GANs: Sauer et al. 2021). Features
 * are normalised over channels; a head has two layers and a class projection, and the logit is the mean of all heads'. The
 * penalties differentiate through the frozen network, whose parameters are fixed parameters of the discriminator.
 *
 * @throws {ConfigError} for a network that returns no features or anything but maps and vectors, or sizes that are
 *   not whole numbers
 */
export function projectedDiscriminator(options: ProjectedDiscriminatorOptions): Discriminator {
  requireKnownOptions('projectedDiscriminator', options, { features: true, classes: true, width: true });
  const { features: frozen, width = 64 } = options;
  const { classes = frozen.classes ?? 0 } = options;
  const name = 'projectedDiscriminator';
  requireWhole(`${name}.width`, width);
  const { classes: taken = 0 } = frozen;
  if (taken > 0 && classes !== taken) {
    throw new ConfigError(`${name}.classes`, `wanted the ${taken} of '${frozen.name}', got ${classes}`);
  }
  const example = taken > 0 ? [input('label', [1], 'int32')] : [];
  const traced = frozen.apply(standIns(frozen), input('x', [1, ...frozen.shape]), ...example);
  if (traced.length === 0) throw new ConfigError(`${name}.features`, `wanted features, '${frozen.name}' gives none`);
  const heads = traced.map(({ shape }, i) => {
    const body = shape.length === 4 ? mapHead(`head${i}`, shape[1]!, width) : undefined;
    if (body === undefined && shape.length !== 2) {
      const wanted = `wanted maps of rank 4 and vectors of rank 2`;
      throw new ConfigError(`${name}.features`, `${wanted}; '${frozen.name}' gives [${shape.join(', ')}]`);
    }
    return {
      body: body ?? vectorHead(`head${i}`, shape[1]!, width),
      output: classProjection(`head${i}.output`, width, classes),
    };
  });
  const ownSpecs = collect(heads.flatMap(({ body, output }) => [body, output]));
  const frozenSpecs: InitialSpecs = Object.fromEntries(
    Object.entries(frozen.params).map(([key, { shape }]) => [FROZEN + key, { shape, std: 0, fixed: true }]),
  );
  const discriminator = defineDiscriminator({
    name,
    config: { shape: frozen.shape, features: frozen.name, classes, width },
    shape: frozen.shape,
    classes,
    parameters: { ...ownSpecs, ...frozenSpecs },
    judge(params, x, label) {
      const given = Object.keys(frozen.params).map((key) => [key, params[FROZEN + key]!] as const);
      const judged = frozen.apply(Object.fromEntries(given), x, taken > 0 ? label : undefined).map((values, i) => {
        const features = heads[i]!.body.apply(params, values);
        return { features, logits: heads[i]!.output.apply(params, features, label) };
      });
      const sum = judged.map(({ logits }) => logits).reduce((a, b) => a.add(b));
      const features = judged.map(({ features }) => features);
      return { logits: sum.mul(1 / judged.length), features: concat(features, 1) };
    },
  });
  return {
    ...discriminator,
    init(seed, only = Object.keys(discriminator.parameters)) {
      const own = discriminator.init(
        seed,
        only.filter((parameter) => Object.hasOwn(ownSpecs, parameter)),
      );
      const values = Object.entries(frozen.params).map(([key, value]) => [FROZEN + key, value] as const);
      return { ...own, ...Object.fromEntries(values.filter(([key]) => only.includes(key))) };
    },
  };
}

/** Prefix of the frozen network's parameters. */
const FROZEN = 'frozen.';

function standIns({ params }: FrozenFeatures): Tensors {
  return Object.fromEntries(Object.entries(params).map(([key, { shape, dtype }]) => [key, input(key, shape, dtype)]));
}

const rectified = { gain: Math.SQRT2 };

/** The mean over all places of two convolutions. */
function mapHead(name: string, channels: number, width: number): Layer {
  const first = equalisedConvolution(`${name}.first`, channels, width, 1, rectified);
  const second = equalisedConvolution(`${name}.second`, width, width, 3, rectified);
  return {
    parameters: collect([first, second]),
    apply(params, x) {
      const h = leakyRelu(first.apply(params, pixelNorm(x)));
      return leakyRelu(second.apply(params, h)).mean([2, 3]);
    },
  };
}

function vectorHead(name: string, inputs: number, width: number): Layer {
  const first = equalisedDense(`${name}.first`, inputs, width, rectified);
  const second = equalisedDense(`${name}.second`, width, width, rectified);
  return {
    parameters: collect([first, second]),
    apply: (params, x) => leakyRelu(second.apply(params, leakyRelu(first.apply(params, rmsNorm(x))))),
  };
}

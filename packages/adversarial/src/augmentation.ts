import { constant, requireKnownOptions, type Shape, type Tensor, type Tensors } from '@flowmap/tensor';
import { requireNonNegative, requireShape } from './internal/checks.js';

/** A random, differentiable change of samples, applied to everything that a discriminator sees. */
export interface Augmentation {
  readonly name: string;
  /** Shape of one sample. */
  readonly shape: readonly number[];
  /** Its random numbers by name, each with its shape for one sample: uniform in [0, 1). */
  readonly draws: Readonly<Record<string, Shape>>;
  apply(x: Tensor, draws: Tensors): Tensor;
}

/** Options of {@link differentiableAugmentation}. */
export interface AugmentationOptions {
  /** `[channels, height, width]`. */
  readonly shape: readonly number[];
  /** Whether to change brightness, saturation and contrast; true unless given. */
  readonly colour?: boolean;
  /** Largest shift as a share of the sides, in [0, 1]; 1/8 unless given, 0 for none. */
  readonly translation?: number;
  /** Side of a square set to 0, as a share of the image's, in [0, 1]; 1/2 unless given, 0 for none. */
  readonly cutout?: number;
}

/**
 * Differentiable augmentation (Zhao et al. 2020) for discriminators that see little data: colours, shifts and cut-outs,
 * drawn independently for each sample, real or generated.
 *
 * @throws {ConfigError} for a shape that is not `[channels, height, width]`, or a share outside [0, 1]
 */
export function differentiableAugmentation(options: AugmentationOptions): Augmentation {
  requireKnownOptions('differentiableAugmentation', options, {
    shape: true,
    colour: true,
    translation: true,
    cutout: true,
  });
  const { shape, colour = true, translation = 1 / 8, cutout = 1 / 2 } = options;
  requireShape('differentiableAugmentation.shape', shape, ['channels', 'height', 'width']);
  requireNonNegative('differentiableAugmentation.translation', translation, 1);
  requireNonNegative('differentiableAugmentation.cutout', cutout, 1);
  return {
    name: 'differentiable augmentation',
    shape,
    draws: {
      ...(colour ? { brightness: [], saturation: [], contrast: [] } : {}),
      ...(translation > 0 ? { shift: [2] } : {}),
      ...(cutout > 0 ? { cutout: [2] } : {}),
    },
    apply(x, draws) {
      let y = x;
      if (colour) y = recoloured(y, draws);
      if (translation > 0) y = shifted(y, draws['shift']!, translation);
      if (cutout > 0) y = cutOut(y, draws['cutout']!, cutout);
      return y;
    },
  };
}

/** Adds up to ±0.5, then scales distances from the pixel's mean by 0 to 2, and from the image's by 0.5 to 1.5. */
function recoloured(x: Tensor, { brightness, saturation, contrast }: Tensors): Tensor {
  const each = (u: Tensor): Tensor => u.reshape([x.shape[0]!, 1, 1, 1]);
  const bright = x.add(each(brightness!.sub(0.5)));
  const grey = bright.mean([1], true);
  const saturated = grey.add(bright.sub(grey).mul(each(saturation!.mul(2))));
  const mean = saturated.mean([1, 2, 3], true);
  return mean.add(saturated.sub(mean).mul(each(contrast!.add(0.5))));
}

/** Shifts each image by whole pixels, with zeros coming in: `R x C` with a shifted identity on either side. */
function shifted(x: Tensor, draws: Tensor, share: number): Tensor {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const matrix = (axis: 0 | 1, side: number): Tensor => {
    const most = Math.round(share * side);
    const by = wholeBelow(column(draws, axis), 2 * most + 1).sub(most);
    // 1 where column - row = shift
    const offsets = Float32Array.from({ length: side ** 2 }, (_, i) => (i % side) - Math.floor(i / side));
    const isTaken = constant(offsets, [1, side, side]).equal(by.reshape([batch, 1, 1]));
    return isTaken.cast('float32').reshape([batch, 1, side, side]).broadcastTo([batch, channels, side, side]);
  };
  return matrix(0, height).matmul(x).matmul(matrix(1, width));
}

/** Sets a rectangle around a random place to 0. */
function cutOut(x: Tensor, draws: Tensor, share: number): Tensor {
  const [batch, , height, width] = x.shape as [number, number, number, number];
  const inside = (axis: 0 | 1, side: number): Tensor => {
    const centre = wholeBelow(column(draws, axis), side).reshape([batch, 1]);
    const place = constant(
      Float32Array.from({ length: side }, (_, i) => i),
      [1, side],
    );
    // The nearest `count` places: |2 (place - centre)| < count, a half place to the side if the count is even.
    const count = Math.max(1, Math.round(share * side));
    return place
      .sub(centre)
      .mul(2)
      .add(count % 2 === 0 ? 1 : 0)
      .abs()
      .less(count);
  };
  const rows = inside(0, height).cast('float32').reshape([batch, 1, height, 1]);
  const columns = inside(1, width).cast('float32').reshape([batch, 1, 1, width]);
  return x.mul(rows.mul(columns).neg().add(1));
}

/** A whole number from 0 to `count - 1`, from a uniform number. */
const wholeBelow = (u: Tensor, count: number): Tensor =>
  u
    .mul(count)
    .cast('int32')
    .cast('float32')
    .minimum(count - 1);

const column = (draws: Tensor, axis: number): Tensor => draws.slice([0, axis], [draws.shape[0]!, axis + 1]);

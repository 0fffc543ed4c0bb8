import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { CheckpointError, decodeSafetensors, encodeSafetensors } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import type { FeatureSource } from '@flowmap/eval';
import { hostTensor } from '@flowmap/tensor';

/** The fewest samples, and images of the data, with which a class is measured. */
const LEAST = 20;

/** Mean of the features of a class, and the sum of their variances. */
export interface ClassMoments {
  readonly count: number;
  readonly mean: Float64Array;
  /** The sum of the features' variances, with the denominator `count - 1`; NaN for fewer than 2 samples. */
  readonly variance: number;
}

/** Collects features by class. */
export interface ClassSums {
  /** @param rows features of samples one after another */
  add(rows: ArrayLike<number>, labels: ArrayLike<number>): void;
  /** The moments of each class, by label. */
  moments(): readonly ClassMoments[];
}

/** Sums of features of a width, for a number of classes. */
export function classSums(classes: number, width: number): ClassSums {
  const sums = Array.from({ length: classes }, () => ({ count: 0, sum: new Float64Array(width), squares: 0 }));
  return {
    add(rows, labels) {
      for (let sample = 0; sample < labels.length; sample++) {
        const own = sums[labels[sample]!]!;
        own.count++;
        for (let i = 0; i < width; i++) {
          const value = rows[sample * width + i]!;
          own.sum[i]! += value;
          own.squares += value ** 2;
        }
      }
    },
    moments: () =>
      sums.map(({ count, sum, squares }) => {
        const mean = sum.map((value) => value / count);
        const length = mean.reduce((total, value) => total + value ** 2, 0);
        return { count, mean, variance: count < 2 ? NaN : (squares - count * length) / (count - 1) };
      }),
  };
}

/**
 * The squared distance between two classes' mean features, without bias: `|m1 - m2|^2` minus its expected value for
 * samples of the same distribution, `v1 / n1 + v2 / n2`. It may be slightly negative. NaN if one of them has fewer than
 * 20 samples.
 */
export function meanDistance(a: ClassMoments, b: ClassMoments): number {
  if (a.count < LEAST || b.count < LEAST) return NaN;
  const squared = a.mean.reduce((sum, value, i) => sum + (value - b.mean[i]!) ** 2, 0);
  return squared - a.variance / a.count - b.variance / b.count;
}

/** The file of the classes' moments that belongs to a file of statistics. */
export function classFileOf(statistics: string): string {
  return statistics.replace(/(\.safetensors)?$/, '-by-class.safetensors');
}

/** Writes the moments of classes. */
export async function writeClassMoments(
  file: string,
  { classes, moments, source }: { classes: readonly string[]; moments: readonly ClassMoments[]; source: FeatureSource },
): Promise<void> {
  const width = moments[0]!.mean.length;
  const means = new Float32Array(moments.length * width);
  moments.forEach(({ mean }, i) => means.set(mean, i * width));
  const tensors = {
    count: hostTensor(
      [moments.length],
      Int32Array.from(moments, ({ count }) => count),
    ),
    mean: hostTensor([moments.length, width], means),
    variance: hostTensor(
      [moments.length],
      Float32Array.from(moments, ({ variance }) => variance),
    ),
  };
  await writeFileAtomic(file, encodeSafetensors(tensors, { of: descriptionOf(classes, source) }));
}

/**
 * The moments of classes in a file; undefined if there is none.
 *
 * @throws {CheckpointError} for a file of other classes or of another network's features
 */
export async function readClassMoments(
  file: string,
  classes: readonly string[],
  source: FeatureSource,
): Promise<readonly ClassMoments[] | undefined> {
  if (!existsSync(file)) return undefined;
  const { tensors, metadata } = decodeSafetensors(await readFile(file), file);
  const { count, mean, variance } = tensors;
  if (metadata['of'] !== descriptionOf(classes, source) || !count || !mean || !variance) {
    throw new CheckpointError(file, 'is of other classes or features; remove it');
  }
  const width = mean.shape[1]!;
  return classes.map((_, i) => ({
    count: count.data[i]!,
    mean: Float64Array.from(mean.data.subarray(i * width, (i + 1) * width)),
    variance: variance.data[i]!,
  }));
}

function descriptionOf(classes: readonly string[], { extractor, weights, resize }: FeatureSource): string {
  return JSON.stringify({ classes, extractor, weights, resize });
}

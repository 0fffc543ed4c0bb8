import { mirrorSample, type Dataset } from '@flowmap/core';
import { badArgument, checkImageShape, checkIndices } from './internal/checks.js';
import { bytesOf, digestOf } from './internal/digest.js';

/**
 * Some samples of a dataset, in the order given; an index may occur more than once.
 *
 * @param dataset source of the samples
 * @param indices indices of the samples, each from 0 to `dataset.length - 1`; copied
 * @throws {ConfigError} when there are no indices or one is out of range
 */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  if (indices.length === 0) throw badArgument('subset', 'indices', 'one or more indices', 'none');
  checkIndices('subset', indices, dataset.length);
  const chosen = Float64Array.from(indices);
  const name = `${dataset.name} (${chosen.length} chosen)`;
  return {
    ...describe(dataset, async () => `, of it ${await digestOf(bytesOf(chosen))}`),
    name,
    length: chosen.length,
    async batch(wanted) {
      checkIndices(`${name}.batch`, wanted, chosen.length);
      return dataset.batch(Array.from(wanted, (index) => chosen[index]!));
    },
  };
}

/** The same samples without their classes: `classes` is `[]`, and batches have no `label`. */
export function withoutClasses(dataset: Dataset): Dataset {
  return {
    ...describe(dataset, () => ', without classes'),
    classes: [],
    conditions: withoutLabel(dataset.conditions),
    async batch(indices) {
      const { x, conditions } = await dataset.batch(indices);
      return { x, conditions: withoutLabel(conditions) };
    },
  };
}

/**
 * A dataset of images followed by their mirror images: index `i + n` is image `i` of `n` with left and right exchanged.
 *
 * The length doubles, and each image and each mirror image occurs once per epoch. To mirror at random instead, without
 * a guarantee of how often, give {@link loader} `flip: true`.
 *
 * @throws {ConfigError} when the dataset does not hold images or has no end
 */
export function withFlips(dataset: Dataset): Dataset {
  checkImageShape('withFlips', dataset.shape);
  const [channels, height, width] = dataset.shape;
  const { length } = dataset;
  if (!Number.isFinite(length)) {
    throw badArgument('withFlips', 'dataset', 'of finite length', String(length));
  }
  const name = `${dataset.name} (with mirror images)`;
  return {
    ...describe(dataset, () => ', with flips'),
    name,
    length: 2 * length,
    async batch(indices) {
      checkIndices(`${name}.batch`, indices, 2 * length);
      const originals = Array.from(indices, (index) => index % length);
      const { x, conditions } = await dataset.batch(originals);
      const flipped = x.slice();
      for (let i = 0; i < originals.length; i++) {
        if (indices[i]! >= length) mirrorSample(flipped, i, channels * height * width, width);
      }
      return { x: flipped, conditions };
    },
  };
}

/**
 * What a view takes from its dataset.
 *
 * @param change what the view changes, in its fingerprint
 */
function describe(dataset: Dataset, change: () => string | Promise<string>): Omit<Dataset, 'batch'> {
  const { name, length, shape, classes, conditions } = dataset;
  const fingerprint = async (): Promise<string> => `${await dataset.fingerprint!()}${await change()}`;
  return { name, length, shape, classes, conditions, ...(dataset.fingerprint && { fingerprint }) };
}

function withoutLabel<T>({ label: _label, ...rest }: Readonly<Record<string, T>>): Record<string, T> {
  return rest;
}

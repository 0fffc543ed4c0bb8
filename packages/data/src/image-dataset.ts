import { classConditions, requireKnownOptions, type Batch, type Dataset } from '@flowmap/core';
import { badArgument, checkBatchSize, checkImageShape, checkIndices } from './internal/checks.js';
import { bytesOf, digestOf } from './internal/digest.js';

/** A dataset that gives the classes of all its samples at once. */
export interface LabelledDataset extends Dataset {
  /** Class of each sample, `[length]`; 0 for data without classes. */
  readonly labels: Int32Array;
}

/** Options of {@link imageDataset}. */
export interface ImageDatasetOptions {
  /** Name of the dataset in logs and error messages. */
  readonly name: string;
  /** All pixels, `[count, channels, height, width]`, 0 to 255; kept, not copied. */
  readonly pixels: Uint8Array;
  /** Shape of one image, `[channels, height, width]`, with 1 or 3 channels. */
  readonly shape: readonly number[];
  /** Class of each image, `[count]`, indices into `classes`; omit when unconditional. */
  readonly labels?: ArrayLike<number>;
  /** Names of the classes; `[]` (the default) = unconditional. */
  readonly classes?: readonly string[];
}

/** The value of each byte: 0 … 255 becomes −1 … 1. */
export const FLOAT_OF_BYTE = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1);

/**
 * A dataset of 8-bit images held in memory; a batch is converted to float32 when requested.
 *
 * `x = pixel / 127.5 − 1`, so 0 … 255 becomes −1 … 1.
 *
 * @returns a dataset whose batches are `[count, channels, height, width]`
 * @throws {ConfigError} when pixels, labels, classes and shape do not fit together
 *
 * @example
 * const pixels = new Uint8Array(2 * 3 * 4 * 4).fill(255);
 * const data = imageDataset({ name: 'white', pixels, shape: [3, 4, 4] });
 * const { x } = await data.batch([1]); // 48 values, all 1
 */
export function imageDataset(options: ImageDatasetOptions): LabelledDataset {
  requireKnownOptions('imageDataset', options, { name: true, pixels: true, shape: true, labels: true, classes: true });
  const { name, pixels, shape, labels, classes = [] } = options;
  const operation = `imageDataset(${name})`;
  checkImageShape(operation, shape);
  const size = shape[0] * shape[1] * shape[2];
  const length = pixels.length / size;
  if (!Number.isInteger(length) || length === 0) {
    throw badArgument(
      operation,
      'pixels',
      `one or more images of [${shape.join(', ')}] = ${size} bytes each`,
      `${pixels.length} bytes`,
    );
  }
  const ownLabels = checkLabels(operation, labels, classes, length);

  const gather = (indices: ArrayLike<number>): Batch => {
    checkIndices(`${name}.batch`, indices, length);
    checkBatchSize(`${name}.batch.indices`, indices.length, size);
    const x = new Float32Array(indices.length * size);
    const batchLabels = new Int32Array(indices.length);
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      batchLabels[i] = ownLabels[index]!;
      const from = index * size;
      const to = i * size;
      for (let k = 0; k < size; k++) x[to + k] = FLOAT_OF_BYTE[pixels[from + k]!]!;
    }
    return { x, conditions: classes.length > 0 ? { label: batchLabels } : {} };
  };

  return {
    name,
    length,
    shape: [...shape],
    classes: [...classes],
    conditions: classConditions(classes.length),
    labels: ownLabels.slice(),
    fingerprint: async () => `${await digestOf(pixels)} ${await digestOf(bytesOf(ownLabels))}`,
    batch: async (indices) => Promise.resolve(gather(indices)),
  };
}

function checkLabels(
  operation: string,
  labels: ArrayLike<number> | undefined,
  classes: readonly string[],
  length: number,
): Int32Array {
  if (labels === undefined) {
    if (classes.length > 0) {
      throw badArgument(operation, 'labels', `given for ${classes.length} classes`, 'none');
    }
    return new Int32Array(length);
  }
  if (labels.length !== length) {
    throw badArgument(operation, 'labels', `${length} numbers, one per image`, `${labels.length} numbers`);
  }
  const greatest = Math.max(classes.length - 1, 0); // an unconditional dataset labels everything 0
  for (let i = 0; i < length; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label > greatest) {
      throw badArgument(operation, `labels[${i}]`, `an integer from 0 to ${greatest}`, String(label));
    }
  }
  return Int32Array.from(labels);
}

import { classConditions } from '@flowmap/core';
import { FLOAT_OF_BYTE, type LabelledDataset } from '../image-dataset.js';
import { checkBatchSize, checkIndices } from '../internal/checks.js';
import { bytesOf, digestOf } from '../internal/digest.js';
import { mapConcurrently } from './map-concurrently.js';
import type { PixelFile } from './pixel-file.js';

/** Number of images read at a time for a batch. */
const READS = 8;

/**
 * A dataset of 8-bit images in a file, from which only the images of a requested batch are read; otherwise it is
 * the same as the dataset that `imageDataset` makes from these pixels.
 *
 * @param labels class of each image
 */
export function imagesOnDisk(
  name: string,
  pixels: PixelFile,
  labels: Int32Array,
  classes: readonly string[],
): LabelledDataset {
  const shape = [pixels.channels, ...pixels.size];
  const size = shape.reduce((product, side) => product * side, 1);
  let spare = new Uint8Array(0); // the buffer of the last batch, for the next one

  return {
    name,
    length: pixels.count,
    shape,
    classes: [...classes],
    conditions: classConditions(classes.length),
    labels,
    fingerprint: async () => `${pixels.digest} ${await digestOf(bytesOf(labels))}`,
    async batch(indices) {
      checkIndices(`${name}.batch`, indices, pixels.count);
      checkBatchSize(`${name}.batch.indices`, indices.length, size);
      const order = Array.from(indices);
      const length = order.length * size;
      const bytes = spare.length >= length ? spare : new Uint8Array(length);
      spare = new Uint8Array(0); // a batch requested meanwhile takes another one
      await mapConcurrently(order, READS, (index, i) => pixels.read(index, bytes.subarray(i * size, (i + 1) * size)));
      const x = new Float32Array(length);
      for (let i = 0; i < length; i++) x[i] = FLOAT_OF_BYTE[bytes[i]!]!;
      spare = bytes;
      return { x, conditions: classes.length > 0 ? { label: Int32Array.from(order, (i) => labels[i]!) } : {} };
    },
  };
}

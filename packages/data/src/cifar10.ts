import type { Dataset } from '@flowmap/core';
import { DataError, requireKnownOptions } from '@flowmap/core';
import { imageDataset } from './image-dataset.js';

/** The ten classes of CIFAR-10, in the order of its labels. */
export const CIFAR10_CLASSES: readonly string[] = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

const SHAPE = [3, 32, 32] as const;
const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS; // a label, then the red, green and blue planes, row by row

/**
 * The images and labels of the CIFAR-10 binary format (https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version").
 *
 * @param bytes one file or several concatenated, in records of 3073 bytes
 * @param options.source name of the bytes in error messages; default `'CIFAR-10 bytes'`
 * @returns a dataset of `[3, 32, 32]` images with {@link CIFAR10_CLASSES}
 * @throws {DataError} when the bytes are not complete records, or a label is above 9
 */
export function parseCifar10(bytes: Uint8Array, options: { source?: string } = {}): Dataset {
  requireKnownOptions('parseCifar10', options, { source: true });
  const { source = 'CIFAR-10 bytes' } = options;
  return cifar10Dataset([{ bytes, source }]);
}

/** One dataset from several files of records; an error names the file at fault. */
export function cifar10Dataset(files: readonly { readonly bytes: Uint8Array; readonly source: string }[]): Dataset {
  const counts = files.map(({ bytes, source }) => countRecords(bytes, source));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const pixels = new Uint8Array(total * PIXELS);
  const labels = new Uint8Array(total);
  let image = 0;
  files.forEach(({ bytes, source }, file) => {
    for (let record = 0; record < counts[file]!; record++, image++) {
      const at = record * RECORD;
      const label = bytes[at]!;
      if (label >= CIFAR10_CLASSES.length) {
        throw new DataError(
          source,
          `record ${record} has label ${label}, CIFAR-10 has labels 0 to 9: not a CIFAR-10 file`,
        );
      }
      labels[image] = label;
      pixels.set(bytes.subarray(at + 1, at + RECORD), image * PIXELS);
    }
  });
  return imageDataset({ name: 'CIFAR-10', pixels, labels, shape: SHAPE, classes: CIFAR10_CLASSES });
}

function countRecords(bytes: Uint8Array, source: string): number {
  const count = bytes.length / RECORD;
  if (count === 0 || !Number.isInteger(count)) {
    throw new DataError(
      source,
      `wanted one or more CIFAR-10 records of ${RECORD} bytes, got ${bytes.length} bytes` +
        (bytes.length > 0
          ? `: ${bytes.length % RECORD} bytes are left over, the file is truncated or of another kind`
          : ''),
    );
  }
  return count;
}

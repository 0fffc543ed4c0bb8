import type { Dataset } from '@flowmap/core';
import { DataError, requireKnownOptions, SampleError } from '@flowmap/core';
import { imageDataset } from './image-dataset.js';
import { badArgument } from './internal/checks.js';

/** The contents of one IDX file of unsigned bytes. */
export interface IdxArray {
  /** Lengths of the axes, the first one counting the samples. */
  readonly shape: readonly number[];
  /** The values, last axis fastest. */
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;
const MAX_AXES = 4; // MNIST and its relatives have 1 (labels) or 3 (images)

/**
 * Reads the IDX format of MNIST: two zero bytes, the type, the number of axes, their lengths (big-endian), the data.
 *
 * @param bytes a complete uncompressed file; the result's data is a view of it
 * @param options.source name of the bytes in error messages; default `'IDX bytes'`
 * @throws {DataError} when the magic number is wrong, the values are not unsigned bytes, or there are fewer or more
 *   bytes than the header announces
 */
export function parseIdx(bytes: Uint8Array, options: { source?: string } = {}): IdxArray {
  requireKnownOptions('parseIdx', options, { source: true });
  const { source = 'IDX bytes' } = options;
  const fail = (message: string): never => {
    throw new DataError(source, message);
  };
  if (bytes.length < 4) fail(`truncated: an IDX file has a header of 4 bytes or more, got ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const type = bytes[2]!;
  const axes = bytes[3]!;
  if (magic >>> 16 !== 0) {
    const compressed = magic >>> 16 === 0x1f8b ? ': these are gzip-compressed bytes, decompress them first' : '';
    fail(`not an IDX file: wanted two zero bytes at the start, got magic number ${hex(magic)}${compressed}`);
  }
  if (type !== UNSIGNED_BYTE) fail(`wanted IDX values of type 0x08 (unsigned byte), got magic number ${hex(magic)}`);
  if (axes < 1 || axes > MAX_AXES) fail(`wanted 1 to ${MAX_AXES} axes, got magic number ${hex(magic)}`);

  const header = 4 + 4 * axes;
  if (bytes.length < header) fail(`truncated: wanted a header of ${header} bytes, got ${bytes.length} bytes`);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const wanted = header + shape.reduce((product, length) => product * length, 1);
  if (bytes.length !== wanted) {
    fail(
      `${bytes.length < wanted ? 'truncated' : 'too long'}: the header announces [${shape.join(', ')}] bytes, ` +
        `${wanted} in all, got ${bytes.length}`,
    );
  }
  return { shape, data: bytes.subarray(header) };
}

/** Options of {@link idxDataset}. */
export interface IdxDatasetOptions {
  /** A parsed image file, `[count, height, width]`. */
  readonly images: IdxArray;
  /** A parsed label file, `[count]`; omit when unconditional. */
  readonly labels?: IdxArray;
  /** Names of the classes; default `'0'`, `'1'`, … up to the largest label. */
  readonly classes?: readonly string[];
  /** Name of the dataset in logs and error messages; default `'IDX'`. */
  readonly name?: string;
}

/**
 * A dataset of grey images `[1, height, width]` from a parsed image file and its labels.
 *
 * @throws {DataError} when the axes are not those of images and labels, or the counts differ
 * @throws {SampleError} naming the first sample whose label has no class
 * @throws {ConfigError} when classes are given without labels
 */
export function idxDataset(options: IdxDatasetOptions): Dataset {
  requireKnownOptions('idxDataset', options, { images: true, labels: true, classes: true, name: true });
  const { images, labels, classes, name = 'IDX' } = options;
  const [count, height, width] = images.shape;
  if (classes !== undefined && classes.length > 0 && !labels) {
    throw badArgument(`idxDataset(${name})`, 'labels', `given for ${classes.length} classes`, 'none');
  }
  if (images.shape.length !== 3 || images.data.length === 0) {
    throw new DataError(name, `wanted images of shape [count, height, width], got [${images.shape.join(', ')}]`);
  }
  if (labels && (labels.shape.length !== 1 || labels.shape[0] !== count)) {
    throw new DataError(
      name,
      `wanted labels of shape [${count}] for ${count} images, got [${labels.shape.join(', ')}]`,
    );
  }
  const greatest = labels ? labels.data.reduce((most, label) => Math.max(most, label), 0) : -1;
  const names = classes ?? Array.from({ length: greatest + 1 }, (_, label) => String(label));
  if (labels && greatest >= names.length) {
    const sample = labels.data.findIndex((label) => label >= names.length);
    const label = labels.data[sample]!;
    throw new SampleError(
      name,
      sample,
      label,
      `has the label ${label}: wanted labels below ${names.length}, the number of classes`,
    );
  }
  return imageDataset({
    name,
    pixels: images.data,
    shape: [1, height!, width!],
    ...(labels && { labels: labels.data, classes: names }),
  });
}

function hex(magic: number): string {
  return `0x${magic.toString(16).padStart(8, '0')}`;
}

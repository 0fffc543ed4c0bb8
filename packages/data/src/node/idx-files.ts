import { basename } from 'node:path';
import { ConfigError, requireKnownOptions, type Dataset } from '@flowmap/core';
import { checkPath } from '../internal/checks.js';
import { idxDataset, parseIdx } from '../idx.js';
import { MAX_BYTES, requireLimit } from './limits.js';
import { readBytes } from './read-bytes.js';

/** Options of {@link idxFiles}. */
export interface IdxFilesOptions {
  /** Image file, such as `train-images-idx3-ubyte.gz`. */
  readonly images: string;
  /** Label file, such as `train-labels-idx1-ubyte.gz`; omit when unconditional. */
  readonly labels?: string;
  /** Names of the classes; default `'0'`, `'1'`, … up to the largest label. */
  readonly classes?: readonly string[];
  /** The most bytes to which a compressed file may expand; 2^28 unless given. */
  readonly maxBytes?: number;
}

/**
 * A dataset of grey images from the IDX files of MNIST and its relatives, gzip-compressed or not.
 *
 * @returns a dataset of `[1, height, width]` images
 * @throws {DataError} when a file is missing, truncated, over the limit or in another format, or images and labels do
 *   not match
 * @throws {ConfigError} when `maxBytes` is not a number >= 1
 */
export async function idxFiles(options: IdxFilesOptions): Promise<Dataset> {
  requireKnownOptions('idxFiles', options, { images: true, labels: true, classes: true, maxBytes: true });
  const { images, labels, classes, maxBytes = MAX_BYTES } = options;
  checkPath('idxFiles.images', images);
  if (labels !== undefined) checkPath('idxFiles.labels', labels);
  else if (classes !== undefined) throw new ConfigError('idxFiles.classes', 'has no effect without `labels`');
  requireLimit('idxFiles.maxBytes', maxBytes);
  const read = async (path: string): Promise<ReturnType<typeof parseIdx>> =>
    parseIdx(await readBytes(path, maxBytes), { source: path });
  return idxDataset({
    name: basename(images),
    images: await read(images),
    ...(labels !== undefined && { labels: await read(labels) }),
    ...(classes && { classes }),
  });
}

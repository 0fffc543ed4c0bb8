import { basename } from 'node:path';
import type { Dataset } from '@flowmap/core';
import { idxDataset, parseIdx } from '../idx.js';
import { readBytes } from './read-bytes.js';

/** The files of {@link idxFiles}. */
export interface IdxFilesOptions {
  /** Image file, such as `train-images-idx3-ubyte.gz`. */
  readonly images: string;
  /** Label file, such as `train-labels-idx1-ubyte.gz`; omit when unconditional. */
  readonly labels?: string;
  /** Names of the classes; default `'0'`, `'1'`, … up to the greatest label. */
  readonly classes?: readonly string[];
}

/**
 * A dataset of grey images from the IDX files of MNIST and its relatives, gzip-compressed or not.
 *
 * @returns a dataset of `[1, height, width]` images
 * @throws {DataError} when a file is missing, truncated or of another format, or images and labels do not fit
 */
export async function idxFiles({ images, labels, classes }: IdxFilesOptions): Promise<Dataset> {
  const read = async (path: string): Promise<ReturnType<typeof parseIdx>> =>
    parseIdx(await readBytes(path), { source: path });
  return idxDataset({
    name: basename(images),
    images: await read(images),
    ...(labels !== undefined && { labels: await read(labels) }),
    ...(classes && { classes }),
  });
}

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset } from '@flowmap/core';
import { DataError } from '@flowmap/core';
import { cifar10Dataset } from '../cifar10.js';
import { MAX_BYTES, requireLimit } from './limits.js';
import { readBytes, unreadable } from './read-bytes.js';

const SPLITS = { train: /^data_batch_\d+\.bin(\.gz)?$/, test: /^test_batch\.bin(\.gz)?$/ };

/**
 * CIFAR-10 from the files of its binary version, gzip-compressed or not.
 *
 * @param path a folder holding `data_batch_*.bin` and `test_batch.bin`, or one such file
 * @param options.split which files of a folder to read: the five training batches (default) or the test batch
 * @param options.maxBytes most bytes to which compressed files may expand in total; 2^28 unless given
 * @returns a dataset of `[3, 32, 32]` images of ten classes
 * @throws {DataError} naming a file that is missing, truncated, over the limit or in another format
 * @throws {ConfigError} when `maxBytes` is not a number >= 1
 */
export async function cifar10Binary(
  path: string,
  { split = 'train', maxBytes = MAX_BYTES }: { split?: 'train' | 'test'; maxBytes?: number } = {},
): Promise<Dataset> {
  requireLimit('cifar10Binary.maxBytes', maxBytes);
  const info = await stat(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const files = info.isDirectory() ? await batchesIn(path, split) : [path];
  const batches: { source: string; bytes: Uint8Array }[] = [];
  let left = maxBytes;
  for (const source of files) {
    const bytes = await readBytes(source, left);
    left = Math.max(left - bytes.length, 1);
    batches.push({ source, bytes });
  }
  return cifar10Dataset(batches);
}

async function batchesIn(folder: string, split: 'train' | 'test'): Promise<string[]> {
  const names = (
    await readdir(folder).catch((cause: unknown) => {
      throw unreadable(folder, cause);
    })
  ).filter((name) => SPLITS[split].test(name));
  if (names.length === 0) {
    const wanted = split === 'train' ? 'data_batch_1.bin …' : 'test_batch.bin';
    throw new DataError(folder, `has no ${split} files of CIFAR-10's binary version: wanted ${wanted}`);
  }
  return names.sort().map((name) => join(folder, name));
}

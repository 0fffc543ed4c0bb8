import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset } from '@flowmap/core';
import { ConfigError, DataError, quoted, requireKnownOptions } from '@flowmap/core';
import { checkPath } from '../internal/checks.js';
import { cifar10Dataset } from '../cifar10.js';
import { MAX_BYTES, requireLimit } from './limits.js';
import { readBytes, unreadable } from './read-bytes.js';

const SPLITS = { train: /^data_batch_\d+\.bin(\.gz)?$/, test: /^test_batch\.bin(\.gz)?$/ };

/**
 * CIFAR-10 from the files of its binary version, gzip-compressed or not.
 *
 * @param path a folder holding `data_batch_*.bin` and `test_batch.bin`, or one such file
 * @param options.split which files of a folder to read: the five training batches (default) or the test batch; only
 *   for a folder
 * @param options.maxBytes the most bytes to which compressed files may expand in total; 2^28 unless
 *   given
 * @returns a dataset of `[3, 32, 32]` images of ten classes
 * @throws {DataError} naming a file that is missing, truncated, over the limit or in another format
 * @throws {ConfigError} for an unknown option, `split` with a single file, or when `maxBytes` is not a number >= 1
 */
export async function cifar10Binary(
  path: string,
  options: { split?: 'train' | 'test'; maxBytes?: number } = {},
): Promise<Dataset> {
  checkPath('cifar10Binary.path', path);
  requireKnownOptions('cifar10Binary', options, { split: true, maxBytes: true });
  const { split = 'train', maxBytes = MAX_BYTES } = options;
  if (!Object.hasOwn(SPLITS, split)) {
    throw new ConfigError('cifar10Binary.split', `wanted 'train' or 'test', got ${quoted(split)}`);
  }
  requireLimit('cifar10Binary.maxBytes', maxBytes);
  const info = await stat(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  if (options.split !== undefined && !info.isDirectory()) {
    throw new ConfigError(
      'cifar10Binary.split',
      `has no effect with a single file, '${path}'; give the folder, or leave it out`,
    );
  }
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

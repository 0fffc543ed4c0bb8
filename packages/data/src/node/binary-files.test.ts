import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ConfigError, DataError } from '@flowmap/core';
import { describeDataset } from '@flowmap/core/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cifar10Binary } from './cifar10-binary.js';
import { idxFiles } from './idx-files.js';

let folder = '';
const write = async (name: string, bytes: Uint8Array): Promise<string> => {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowmap-data-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** One CIFAR-10 record: a label, and 3072 pixels of the same value. */
const record = (label: number): Uint8Array => new Uint8Array(3073).fill(20 * label).fill(label, 0, 1);

describeDataset('cifar10Binary', async () => {
  await write('data_batch_1.bin', Buffer.concat([record(1), record(9)]));
  await write('data_batch_2.bin', record(2));
  return cifar10Binary(folder);
});

describe('cifar10Binary', () => {
  test('reads compressed files as far as the limit, all of them together', async () => {
    await write('data_batch_1.bin.gz', gzipSync(record(1)));
    await write('data_batch_2.bin.gz', gzipSync(record(2)));
    expect((await cifar10Binary(folder, { maxBytes: 2 * 3073 })).length).toBe(2);
    await expect(cifar10Binary(folder, { maxBytes: 2 * 3073 - 1 })).rejects.toMatchObject({
      name: 'DataError',
      path: join(folder, 'data_batch_2.bin.gz'),
      limit: 'maxBytes',
    });
  });

  test('reads the batches of a folder in order, one split or the other', async () => {
    await write('data_batch_2.bin', record(2));
    await write('data_batch_1.bin', Buffer.concat([record(1), record(9)]));
    await write('data_batch_3.bin.gz', gzipSync(record(3)));
    await write('test_batch.bin', record(7));
    await write('readme.html', Buffer.from('<html>'));
    const train = await cifar10Binary(folder);
    const { x, conditions } = await train.batch([0, 1, 2, 3]);
    expect(conditions).toEqual({ label: Int32Array.of(1, 9, 2, 3) });
    expect(x[3072]).toBe(Math.fround(180 / 127.5 - 1));
    expect([...(await (await cifar10Binary(folder, { split: 'test' })).batch([0])).conditions['label']!]).toEqual([7]);
  });

  test('reads a single file', async () => {
    const data = await cifar10Binary(await write('mine.bin', record(4)));
    expect(data.length).toBe(1);
  });

  test('names the file that is missing, truncated or of another kind', async () => {
    await expect(cifar10Binary(join(folder, 'gone'))).rejects.toThrow(
      `${join(folder, 'gone')}: no such file or folder`,
    );
    await expect(cifar10Binary(folder)).rejects.toThrow(/has no train files of CIFAR-10's binary version/);
    await write('data_batch_1.bin', record(1));
    const truncated = await write('data_batch_2.bin', record(2).subarray(0, 3000));
    await expect(cifar10Binary(folder)).rejects.toMatchObject({ path: truncated, name: 'DataError' });
    await write('data_batch_2.bin', record(200));
    await expect(cifar10Binary(folder)).rejects.toThrow(`${truncated}: record 0 has label 200`);
  });
});

describe('idxFiles', () => {
  const images = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40]);
  const labels = Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 1, 0]);

  describeDataset('idxFiles', async () =>
    idxFiles({ images: await write('images', images), labels: await write('labels', labels) }),
  );

  test('reads images and labels, plain or gzip-compressed', async () => {
    const plain = { images: await write('images', images), labels: await write('labels', labels) };
    const packed = { images: await write('i.gz', gzipSync(images)), labels: await write('l.gz', gzipSync(labels)) };
    for (const files of [plain, packed]) {
      const data = await idxFiles({ ...files, classes: ['no', 'yes'] });
      expect(data).toMatchObject({ length: 2, shape: [1, 1, 2], classes: ['no', 'yes'] });
      const batch = await data.batch([0, 1]);
      expect(batch.x).toEqual(Float32Array.from([10, 20, 30, 40], (pixel) => pixel / 127.5 - 1));
      expect([...batch.conditions['label']!]).toEqual([1, 0]);
    }
    expect((await idxFiles({ images: plain.images })).classes).toEqual([]);
  });

  test('reads a compressed file as far as the limit', async () => {
    const packed = await write('images.gz', gzipSync(images));
    expect((await idxFiles({ images: packed, maxBytes: images.length })).length).toBe(2);
    await expect(idxFiles({ images: packed, maxBytes: images.length - 1 })).rejects.toMatchObject({
      name: 'DataError',
      message: `${packed}: decompresses to more than ${images.length - 1} bytes, the limit maxBytes`,
      limit: 'maxBytes',
    });
    await expect(idxFiles({ images: packed, maxBytes: NaN })).rejects.toThrow(ConfigError);
    expect((await idxFiles({ images: packed, maxBytes: Infinity })).length).toBe(2);
  });

  test('stops to decompress zeros without end at 256 MiB', async () => {
    const zeros = gzipSync(new Uint8Array(2 ** 24)); // several gzip members in a row form one file
    const packed = await write('zeros.gz', Buffer.concat(Array<Buffer>(17).fill(zeros)));
    await expect(idxFiles({ images: packed })).rejects.toThrow(/more than 268435456 bytes, the limit maxBytes/);
  });

  test('names the file that is missing, truncated or damaged', async () => {
    const good = await write('images', images);
    await expect(idxFiles({ images: join(folder, 'gone') })).rejects.toThrow(/gone: no such file or folder/);
    const cut = await write('cut', images.subarray(0, 18));
    await expect(idxFiles({ images: cut })).rejects.toThrow(`${cut}: truncated`);
    const packed = await write('cut.gz', gzipSync(images).subarray(0, 20));
    await expect(idxFiles({ images: packed })).rejects.toThrow(`${packed}: the gzip data is truncated or corrupt`);
    await expect(idxFiles({ images: good, labels: good })).rejects.toThrow(DataError);
    await mkdir(join(folder, 'inside'));
    await expect(idxFiles({ images: join(folder, 'inside') })).rejects.toThrow(/inside: cannot be read/);
  });
});

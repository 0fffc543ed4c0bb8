import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigError, DataError } from '@flowmap/core';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ImageSizeError } from './errors.js';
import { imageBatches, type ImageBatchesOptions } from './image-batches.js';
import { imageFolder } from './image-folder.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowmap-data-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(name: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), bytes);
}

/** A PNG image of a single grey. */
const grey = (value: number, height = 2, width = 2): Promise<Buffer> =>
  sharp(new Uint8Array(3 * height * width).fill(value), { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();

/** The grey of each image, batch by batch. */
async function greys(options: ImageBatchesOptions = {}): Promise<number[][]> {
  const { read } = await imageBatches(folder, options);
  const batches: number[][] = [];
  for await (const { shape, data } of read()) {
    const size = data.length / shape[0]!;
    batches.push(Array.from({ length: shape[0]! }, (_, i) => Math.round(127.5 * (data[i * size]! + 1))));
  }
  return batches;
}

async function writeAll(): Promise<void> {
  for (const [i, name] of ['a/b/c.png', 'a/d.png', 'e.png', 'f/g.png', 'f/h.png'].entries()) {
    await write(name, await grey(10 * i));
  }
  await write('f/notes.txt', Buffer.from('no image'));
  await write('.hidden/x.png', await grey(200));
}

describe('what is read', () => {
  beforeEach(writeAll);

  test('images at any depth, in the order of their paths and in batches', async () => {
    const { names, leftOut, read } = await imageBatches(folder, { batchSize: 2 });
    expect(names).toEqual(['a/b/c.png', 'a/d.png', 'e.png', 'f/g.png', 'f/h.png']);
    expect(leftOut).toEqual({ '.txt': 1 });
    expect((await read().next()).value).toMatchObject({ shape: [2, 3, 2, 2], dtype: 'float32' });
    for (const batchSize of [1, 2, 5, 9]) {
      const batches = await greys({ batchSize });
      expect(batches.flat()).toEqual([0, 10, 20, 30, 40]);
      expect(batches.length).toBe(Math.ceil(5 / batchSize));
    }
  });

  test('those of some classes, or directly in the folder', async () => {
    expect(await greys({ classes: ['f'] })).toEqual([[30, 40]]);
    expect(await greys({ classes: ['f', 'a'] })).toEqual([[0, 10, 30, 40]]);
    expect(await greys({ classes: [] })).toEqual([[20]]);
  });

  test('a folder that several links lead to is read once', async () => {
    await symlink(join(folder, 'f'), join(folder, 'a/b/link'));
    await symlink(folder, join(folder, 'f/loop'));
    expect((await greys()).flat().sort((a, b) => a - b)).toEqual([0, 10, 20, 30, 40]);
  });

  test('the same pixels as in a dataset', async () => {
    await write(
      'p/a.png',
      await sharp({ create: { width: 5, height: 4, channels: 4, background: '#12345678' } })
        .png()
        .toBuffer(),
    );
    const options = { size: [3, 3], background: [1, 2, 3] } as const;
    const dataset = await imageFolder(join(folder, 'p'), { ...options, cache: false });
    const batch = await (await imageBatches(folder, { ...options, classes: ['p'] })).read().next();
    expect(batch.value).toMatchObject({ data: (await dataset.batch([0])).x });
  });
});

describe('what is refused', () => {
  beforeEach(writeAll);

  test('an unreadable image, unless some may be, which are listed', async () => {
    await write('b.png', (await grey(1)).subarray(0, 40));
    await write('c.png', Buffer.from('no image'));
    const one = await greys({ batchSize: 3 }).catch((error: unknown) => error);
    expect(one).toBeInstanceOf(DataError);
    expect(one).toMatchObject({ path: folder, limit: 'maxUnreadable' });
    expect((one as Error).message).toMatch(/1 image so far .*maxUnreadable, 0: .*b\.png: is truncated/);
    await expect(greys({ maxUnreadable: 1 })).rejects.toThrow(/2 images .*b\.png.*c\.png: is not an image/);

    const { read, unreadable } = await imageBatches(folder, { maxUnreadable: 2, batchSize: 1 });
    for (let round = 0; round < 2; round++) {
      let count = 0;
      for await (const { shape } of read()) count += shape[0]!;
      expect(count).toBe(5);
      expect(unreadable.map(({ path }) => path)).toEqual([join(folder, 'b.png'), join(folder, 'c.png')]);
    }
  });

  test('images of several sizes, unless a size is given', async () => {
    await write('z.png', await grey(50, 3, 3));
    for (const batchSize of [2, 64]) await expect(greys({ batchSize })).rejects.toThrow(ImageSizeError);
    await expect(greys({ maxUnreadable: 9 })).rejects.toThrow(ImageSizeError);
    expect((await greys({ size: [2, 2] })).flat()).toEqual([0, 10, 20, 30, 40, 50]);
  });

  test('folders without images, and that are not there', async () => {
    await write('texts/a.txt', Buffer.from('a'));
    await expect(imageBatches(folder, { classes: ['texts'] })).rejects.toThrow(/has no images.*holds 1 \.txt/);
    await expect(imageBatches(folder, { classes: ['none'] })).rejects.toThrow(DataError);
    await expect(imageBatches(join(folder, 'none'))).rejects.toThrow(/no such file or folder/);
  });

  test('options out of range', async () => {
    for (const options of [
      { batchSize: 0 },
      { maxUnreadable: -1 },
      { maxUnreadable: 0.5 },
      { size: [0, 1] },
    ] as const) {
      await expect(imageBatches(folder, options)).rejects.toThrow(ConfigError);
    }
    await expect(imageBatches(folder, { maxPixels: 0 })).rejects.toThrow(ConfigError);
  });

  test('going on after the signal', async () => {
    const controller = new AbortController();
    const { read } = await imageBatches(folder, { batchSize: 1, signal: controller.signal });
    const batches = read();
    await batches.next();
    controller.abort(new Error('enough'));
    await expect(
      (async () => {
        for await (const _ of batches);
      })(),
    ).rejects.toThrow('enough');
  });
});

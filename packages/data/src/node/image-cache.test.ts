import { mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { DataError } from '@flowmap/core';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { imageFolder, type ImageFolderOptions } from './image-folder.js';

let root = '';
let folder = '';
let cache = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flowmap-data-'));
  [folder, cache] = [join(root, 'photos'), join(root, 'cache')];
  await mkdir(folder);
  await paint('a.png', 10);
  await paint('b.png', 20);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

const paint = (name: string, value: number): Promise<unknown> =>
  sharp({ create: { width: 4, height: 2, channels: 3, background: { r: value, g: value, b: value } } })
    .png()
    .toFile(join(folder, name));

/** Reads the folder: the first byte of each image, and how many images were decoded for it. */
async function read(options: ImageFolderOptions = {}): Promise<{ values: number[]; decoded: number }> {
  let decoded = 0;
  const data = await imageFolder(folder, { cache, onProgress: () => decoded++, ...options });
  const { x } = await data.batch(Array.from({ length: data.length }, (_, i) => i));
  const size = x.length / data.length;
  return { values: Array.from({ length: data.length }, (_, i) => Math.round((x[i * size]! + 1) * 127.5)), decoded };
}

const cacheFile = async (): Promise<string> => {
  const names = await readdir(cache);
  expect(names.length).toBe(1);
  return join(cache, names[0]!);
};

test('the second reading decodes nothing and gives the same', async () => {
  expect(await read()).toEqual({ values: [10, 20], decoded: 2 });
  expect(await read()).toEqual({ values: [10, 20], decoded: 0 });
  const cold = await (await imageFolder(folder, { cache: false })).batch([1, 0]);
  expect(await (await imageFolder(folder, { cache })).batch([1, 0])).toEqual(cold);
});

test('the second reading says the same of what was left out, and a file that is no image decodes nothing again', async () => {
  await writeFile(join(folder, 'notes.txt'), 'text');
  await mkdir(join(folder, 'deeper'));
  await writeFile(join(folder, 'deeper', 'a.gif'), 'text');
  const cold = await imageFolder(folder, { cache });
  expect(cold).toMatchObject({ leftOut: { '.txt': 1 }, tooDeep: { '.gif': 1 } });
  const { leftOut, tooDeep } = await imageFolder(folder, { cache });
  expect({ leftOut, tooDeep }).toEqual({ leftOut: cold.leftOut, tooDeep: cold.tooDeep });
  await writeFile(join(folder, 'more.txt'), 'text');
  expect((await imageFolder(folder, { cache })).leftOut).toEqual({ '.txt': 2 });
  expect((await read()).decoded).toBe(0);
});

test('an image changed, touched, added or removed means decoding again, into the same file', async () => {
  await read();
  await paint('b.png', 30);
  await utimes(join(folder, 'b.png'), 1000, 1000);
  expect(await read()).toEqual({ values: [10, 30], decoded: 2 });
  await utimes(join(folder, 'a.png'), 2000, 2000);
  expect(await read()).toEqual({ values: [10, 30], decoded: 2 });
  await paint('c.png', 40);
  expect(await read()).toEqual({ values: [10, 30, 40], decoded: 3 });
  await rm(join(folder, 'a.png'));
  expect(await read()).toEqual({ values: [30, 40], decoded: 2 });
  expect(await read()).toEqual({ values: [30, 40], decoded: 0 });
  await cacheFile();
});

test('other options have a cache of their own', async () => {
  await read();
  expect((await read({ size: [1, 1] })).decoded).toBe(2);
  expect((await read({ background: [0, 0, 0] })).decoded).toBe(2);
  expect((await readdir(cache)).length).toBe(3);
  expect((await read()).decoded).toBe(0);
  expect((await read({ size: [1, 1] })).decoded).toBe(0);
});

test('a damaged cache is noticed wherever the damage is, and repaired', async () => {
  await read();
  const file = await cacheFile();
  const good = await readFile(file);
  // every byte of the header (magic, checksum, sizes, fingerprint), and pixels at the start, middle and end
  const places = [...Array(56).keys(), 56, 80, good.length - 1];
  for (const at of places) {
    const bad = Buffer.from(good);
    bad[at]! ^= 0x10;
    await writeFile(file, bad);
    expect(await read()).toEqual({ values: [10, 20], decoded: 2 });
    expect(Buffer.compare(await readFile(file), good)).toBe(0);
  }
});

test('a cache that is whole, but of another number of images or of none, is noticed and repaired', async () => {
  await read();
  const file = await cacheFile();
  const good = await readFile(file);
  for (const [height, width, count] of [
    [4, 2, 1],
    [0, 4, 2],
    [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1],
  ] as const) {
    const bad = Buffer.from(good).subarray(0, 56 + Math.min(3 * height * width * count, good.length - 56));
    [height, width, count].forEach((value, i) => bad.writeUInt32LE(value, 12 + 4 * i));
    bad.writeUInt32LE(crc32(bad.subarray(12)), 8);
    await writeFile(file, bad);
    expect(await read()).toEqual({ values: [10, 20], decoded: 2 });
  }
});

test('a truncated, empty or lengthened cache is noticed and repaired', async () => {
  await read();
  const file = await cacheFile();
  const good = await readFile(file);
  for (const length of [0, 7, 30, good.length - 1]) {
    await truncate(file, length);
    expect(await read()).toEqual({ values: [10, 20], decoded: 2 });
  }
  await writeFile(file, Buffer.concat([good, Buffer.of(0)]));
  expect((await read()).decoded).toBe(2);
  expect((await read()).decoded).toBe(0);
});

test('what a killed writer left behind is not taken for the cache', async () => {
  await read();
  const file = await cacheFile();
  const good = await readFile(file);
  await rm(file);
  await writeFile(`${file}.half-written.tmp`, good.subarray(0, good.length / 2));
  expect(await read()).toEqual({ values: [10, 20], decoded: 2 });
  expect((await read()).decoded).toBe(0);
});

test('two readers at once both get the images, and one whole cache', async () => {
  const both = await Promise.all([read(), read()]);
  expect(both.map(({ values }) => values)).toEqual([
    [10, 20],
    [10, 20],
  ]);
  expect((await read()).decoded).toBe(0);
  await cacheFile();
});

test('nothing is cached of a folder with a bad image', async () => {
  await writeFile(join(folder, 'c.png'), 'bad');
  await expect(read()).rejects.toThrow(DataError);
  expect(await readdir(cache)).toEqual([]);
});

test('a given cache folder that cannot be written is refused before any image is decoded', async () => {
  const taken = join(root, 'taken');
  await writeFile(taken, '');
  let decoded = 0;
  const reading = imageFolder(folder, { cache: taken, onProgress: () => decoded++ });
  await expect(reading).rejects.toMatchObject({ name: 'DataError', path: taken });
  expect(decoded).toBe(0);
});

test.runIf(process.platform === 'linux')('by default the cache is in the user’s cache folder', async () => {
  vi.stubEnv('XDG_CACHE_HOME', join(root, 'xdg'));
  await imageFolder(folder);
  expect((await readdir(join(root, 'xdg', 'flowmap'))).length).toBe(1);
  vi.stubEnv('XDG_CACHE_HOME', '');
  vi.stubEnv('HOME', join(root, 'home'));
  await imageFolder(folder);
  expect((await readdir(join(root, 'home', '.cache', 'flowmap'))).length).toBe(1);
});

test.runIf(process.platform === 'linux')('a default cache folder that cannot be written is done without', async () => {
  await writeFile(join(root, 'taken'), '');
  vi.stubEnv('XDG_CACHE_HOME', join(root, 'taken'));
  expect((await imageFolder(folder)).length).toBe(2);
});

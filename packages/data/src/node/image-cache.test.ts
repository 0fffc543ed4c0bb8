import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DataError, WriteError } from '@flowmap/core';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BadImagesError, ImageSizeError } from './errors.js';
import { imageFolder, type ImageFolderOptions } from './image-folder.js';
import { createPixelFile, openPixelFile } from './pixel-file.js';

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
  await writeFile(join(folder, 'deeper', 'a.svg'), 'text');
  const cold = await imageFolder(folder, { cache });
  expect(cold).toMatchObject({ leftOut: { '.txt': 1, '.svg': 1 }, leftOutNames: ['notes.txt', 'deeper/a.svg'] });
  const { leftOut, leftOutNames, formats } = await imageFolder(folder, { cache });
  expect({ leftOut, leftOutNames, formats }).toEqual({
    ...{ leftOut: cold.leftOut, leftOutNames: cold.leftOutNames, formats: { png: 2 } },
  });
  await writeFile(join(folder, 'more.txt'), 'text');
  expect((await imageFolder(folder, { cache })).leftOut).toEqual({ '.txt': 2, '.svg': 1 });
  expect((await read()).decoded).toBe(0);
});

test('images rewritten, exchanged or moved, with equal bytes and times of change, mean decoding again', async () => {
  const [a, b, raw] = [join(folder, 'a.png'), join(folder, 'b.png'), await readFile(join(folder, 'b.png'))];
  const settle = async (): Promise<void> => {
    for (const path of [a, b]) await utimes(path, 1000, 1000);
  };
  expect((await readFile(a)).length).toBe(raw.length);
  await settle();
  await read();
  await writeFile(a, raw);
  await settle();
  expect(await read()).toEqual({ values: [20, 20], decoded: 2 });

  await paint('a.png', 10);
  await settle();
  await read();
  for (const [from, to] of [
    [a, 'c'],
    [b, a],
    [join(folder, 'c'), b],
  ] as const)
    await rename(from, join(folder, basename(to)));
  expect(await read()).toEqual({ values: [20, 10], decoded: 2 });
  expect((await read()).decoded).toBe(0);

  await rename(folder, join(root, 'other'));
  await mkdir(folder);
  await paint('a.png', 30);
  await paint('b.png', 40);
  await settle();
  expect(await read()).toEqual({ values: [30, 40], decoded: 2 });
});

test('images rewritten at once after they were read are noticed', async () => {
  const raw = await readFile(join(folder, 'b.png'));
  for (let i = 0; i < 5; i++) {
    await paint('a.png', 10);
    expect((await read()).values).toEqual([10, 20]);
    await writeFile(join(folder, 'a.png'), raw);
    expect((await read()).values).toEqual([20, 20]);
  }
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
  const damaged = (at: number): Promise<void> => {
    const bad = Buffer.from(good);
    bad[at]! ^= 0x10;
    return writeFile(file, bad);
  };
  // every byte of the header (magic, checksum, sizes, fingerprints) and of the trailer
  for (let at = 0; at < good.length; at = at === 99 ? 148 : at + 1) {
    await damaged(at);
    expect(await openPixelFile(file)).toBeUndefined();
  }
  // the header, pixels at the start, middle and end, and the trailer
  for (const at of [0, 30, 100, 124, 147, 150]) {
    await damaged(at);
    expect(await read()).toEqual({ values: [10, 20], decoded: 2 });
    expect(Buffer.compare(await readFile(file), good)).toBe(0);
  }
});

test('a cache that is whole, but of another number of images, or of an earlier layout, is noticed and repaired', async () => {
  await read();
  const file = await cacheFile();
  const facts = (await openPixelFile(file))!;
  const writer = await createPixelFile(file, facts.size, 3);
  await writer.write(0, new Uint8Array(24));
  await (await writer.finish(facts, 1)).close();
  expect((await openPixelFile(file))!.count).toBe(1);
  expect(await read()).toEqual({ values: [10, 20], decoded: 2 });
  await writeFile(file, Buffer.concat([Buffer.from('FMIMAGE1'), new Uint8Array(96)]));
  expect(await read()).toEqual({ values: [10, 20], decoded: 2 });
  expect((await read()).decoded).toBe(0);
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

describe('pixels that do not fit in memory', () => {
  const onDisk = async (options: ImageFolderOptions = {}): ReturnType<typeof imageFolder> =>
    imageFolder(folder, { cache, maxMemory: 24, ...options });

  test('are read from the cache, as those in memory are', async () => {
    await paint('c.png', 30);
    const memory = await imageFolder(folder, { cache: false });
    const order = [2, 0, 1, 0, 2, 2, 1];
    let decoded = 0;
    const onProgress = (): number => decoded++;
    for (const options of [{ onProgress }, { onProgress }, { cache: false }, { maxMemory: 0 }] as const) {
      const data = await onDisk(options);
      expect(await data.batch(order)).toEqual(await memory.batch(order));
      const both = await Promise.all([data.batch([0]), data.batch([1, 2])]); // two reads at once share no memory
      expect(both).toEqual(await Promise.all([memory.batch([0]), memory.batch([1, 2])]));
      expect(await data.fingerprint!()).toBe(await memory.fingerprint!());
      await expect(data.batch([3])).rejects.toThrow('wanted an integer from 0 to 2');
    }
    expect(decoded).toBe(3);
    expect(await cacheFile()).toMatch(/\.pixels$/);
  });

  test('and have been damaged are told when they are read', async () => {
    await onDisk();
    const file = await cacheFile();
    const bytes = await readFile(file);
    bytes[100 + 24 + 3]! ^= 1;
    await writeFile(file, bytes);
    const data = await onDisk();
    expect((await data.batch([0])).x[0]).toBeCloseTo(10 / 127.5 - 1);
    await expect(data.batch([1])).rejects.toMatchObject({
      message: `${file}: is damaged at image 1; remove it, and it is made anew from the images`,
    });
    expect(await read()).toEqual({ values: [10, 20], decoded: 2 });
  });

  test('and cannot be written are an error that says where', async () => {
    const gone = join(root, 'gone', 'a.pixels');
    await expect(createPixelFile(gone, [2, 4], 3)).rejects.toThrow(WriteError);
    await expect(createPixelFile(gone, [2, 4], 3)).rejects.toThrow(`${gone}: cannot be written (ENOENT`);
  });

  test('of a folder with a bad image leave nothing', async () => {
    await rm(join(folder, 'b.png'));
    await writeFile(join(folder, 'b.png'), 'bad');
    await expect(onDisk({ maxMemory: 0 })).rejects.toThrow(BadImagesError);
    expect(await readdir(cache)).toEqual([]);
  });

  test('stay readable when the cache file is removed or replaced', async () => {
    const data = await onDisk();
    const before = await data.batch([0, 1]);
    await paint('a.png', 99);
    await onDisk();
    expect(await data.batch([0, 1])).toEqual(before);
    await rm(cache, { recursive: true });
    expect(await data.batch([0, 1])).toEqual(before);
  });

  test('of one size are refused at the first of another', async () => {
    await sharp({ create: { width: 80, height: 80, channels: 3, background: '#fff' } }).toFile(join(folder, '0.png'));
    await expect(onDisk()).rejects.toThrow(ImageSizeError);
    expect(await readdir(cache)).toEqual([]);
  });
});

test('a skipped image is remembered, and refused again when it is to be', async () => {
  await writeFile(join(folder, 'aa.png'), 'bad');
  for (const decoded of [3, 0]) {
    expect(await read({ onBad: 'skip' })).toEqual({ values: [10, 20], decoded });
    const { bad } = await imageFolder(folder, { cache, onBad: 'skip', maxMemory: 0 });
    expect(bad).toMatchObject([
      { index: 1, path: join(folder, 'aa.png'), fault: expect.stringMatching(/^is not/) as string },
    ]);
  }
  await expect(read()).rejects.toThrow(/aa\.png: is not an image/);
});

test.runIf(process.platform === 'linux')('what killed writers left is removed after a day', async () => {
  await mkdir(cache);
  const left = (age: number): Promise<void> => {
    const path = join(cache, `photos-0.pixels.01234567-89ab-cdef-0123-${String(age).padStart(12, '0')}.tmp`);
    return writeFile(path, '').then(() => utimes(path, Date.now() / 1000 - age, Date.now() / 1000 - age));
  };
  await Promise.all([left(60), left(100_000)]);
  await read();
  expect((await readdir(cache)).filter((name) => name.endsWith('60.tmp'))).toHaveLength(1);
  expect(await readdir(cache)).toHaveLength(2);
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

test.runIf(process.platform === 'linux')('without a home folder no cache is kept', async () => {
  vi.stubEnv('XDG_CACHE_HOME', '');
  vi.stubEnv('HOME', '');
  const before = await readdir('.');
  let decoded = 0;
  for (const images of [2, 4]) {
    await imageFolder(folder, { onProgress: () => decoded++ });
    expect(decoded).toBe(images);
  }
  expect(await readdir('.')).toEqual(before);
});

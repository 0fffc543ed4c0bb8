import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let folder = '';
let cache = '';
beforeEach(async () => {
  [folder, cache] = [await mkdtemp(join(tmpdir(), 'flowmap-data-')), await mkdtemp(join(tmpdir(), 'flowmap-data-'))];
  const red = sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } });
  await writeFile(join(folder, 'a.png'), await red.png().toBuffer());
});
afterEach(async () => {
  vi.doUnmock('sharp');
  vi.resetModules();
  await Promise.all([rm(folder, { recursive: true }), rm(cache, { recursive: true })]);
});

/** The package as it is without sharp installed. */
async function withoutSharp(): Promise<typeof import('./index.js')> {
  vi.resetModules();
  vi.doMock('sharp', () => {
    throw new Error("Cannot find package 'sharp'");
  });
  return import('./index.js');
}

const missing = {
  name: 'ImageCodecUnavailableError',
  packageName: 'sharp',
  message: expect.stringContaining('Install it with `npm install sharp`') as string,
  cause: expect.any(Error) as Error,
};

test('decoding a folder says how to install sharp', async () => {
  const { imageFolder, ImageCodecUnavailableError } = await withoutSharp();
  const error: unknown = await imageFolder(folder, { cache: false }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ImageCodecUnavailableError);
  expect(error).toMatchObject(missing);
});

test('writing a picture says how to install sharp, and leaves no file', async () => {
  const { writeImageGrid } = await withoutSharp();
  const writing = writeImageGrid(join(folder, 'out.png'), { images: new Float32Array(12), shape: [3, 2, 2] });
  await expect(writing).rejects.toMatchObject(missing);
  await expect(sharp(join(folder, 'out.png')).metadata()).rejects.toThrow('missing');
});

test('images that were decoded before, and files that are not images, do without sharp', async () => {
  const before = await (await import('./index.js')).imageFolder(folder, { cache });
  const { idxFiles, imageFolder } = await withoutSharp();
  expect(await (await imageFolder(folder, { cache })).batch([0])).toEqual(await before.batch([0]));
  const path = join(cache, 'images.idx');
  await writeFile(path, Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 255));
  expect((await idxFiles({ images: path })).shape).toEqual([1, 1, 1]);
});

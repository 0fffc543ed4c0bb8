import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, WriteError } from '@flowmap/core';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { imageGrid } from '../image-grid.js';
import { encodeImageGrid, writeImageGrid } from './write-image-grid.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowmap-data-'));
});
afterEach(() => rm(folder, { recursive: true }));

const images = Float32Array.from({ length: 5 * 3 * 4 * 6 }, (_, i) => Math.sin(i));

test.each([
  ['colour', [3, 4, 6]],
  ['grey', [1, 4, 6]],
])('the PNG holds the %s grid, pixel for pixel', async (_, shape) => {
  const options = { images, shape, columns: 3, scale: 2, gap: 1 };
  const { data, info } = await sharp(await encodeImageGrid(options))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, pixels } = imageGrid(options);
  expect([info.width, info.height, info.channels]).toEqual([width, height, 3]);
  expect([...data]).toEqual([...pixels.filter((_, i) => i % 4 < 3)]);
});

test('the file appears whole, its folder is made, and nothing is left beside it', async () => {
  const path = join(folder, 'deep', 'grid.png');
  await writeImageGrid(path, { images, shape: [3, 4, 6] });
  expect((await sharp(path).metadata()).format).toBe('png');
  expect(await readdir(join(folder, 'deep'))).toEqual(['grid.png']);
});

test('the ending says the format, and others are refused', async () => {
  const tensor = { shape: [5, 3, 4, 6], data: images };
  for (const [ending, format] of Object.entries({ PNG: 'png', jpg: 'jpeg', webp: 'webp' })) {
    const path = join(folder, `grid.${ending}`);
    await writeImageGrid(path, tensor);
    const { format: got, width } = await sharp(path).metadata();
    expect([got, width]).toEqual([format, imageGrid({ images, shape: [3, 4, 6] }).width]);
  }
  await expect(writeImageGrid(join(folder, 'grid.gif'), tensor)).rejects.toThrow(
    'writeImageGrid.path: wanted a file ending in .png, .jpg, .jpeg, .webp; got ',
  );
});

test('a bad shape or an unwritable place is refused before anything is written', async () => {
  await writeFile(join(folder, 'taken'), '');
  await expect(writeImageGrid(join(folder, 'a.png'), { images, shape: [3, 5, 7] })).rejects.toThrow(ConfigError);
  await expect(writeImageGrid(join(folder, 'taken', 'a.png'), { images, shape: [3, 4, 6] })).rejects.toThrow(
    WriteError,
  );
  expect(await readdir(folder)).toEqual(['taken']);
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inspectImageFolder } from './inspect-image-folder.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowmap-data-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(name: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), bytes);
}
const grey = (value: number, height: number, width: number, format: 'png' | 'gif' = 'png'): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: { r: value, g: value, b: value } } })
    .toFormat(format)
    .toBuffer();

test('formats, sizes, classes, duplicates, values, and what would be left out', async () => {
  await write('a/1.png', await grey(0, 2, 2));
  await write('a/deep/2.png', await grey(255, 2, 2));
  await write('a/3.gif', await grey(255, 2, 2, 'gif')); // the pixels of another file, in another format
  await write('a/4.png', await grey(0, 1, 4)); // pixels of another size
  await write('b/5.png', await grey(0, 2, 2));
  await write('b/6.png', 'bad');
  await write('notes.txt', 'text');
  const report = await inspectImageFolder(folder);
  expect(report).toMatchObject({
    images: 5,
    formats: { png: 4, gif: 1 },
    classes: { a: 4, b: 1 },
    sizes: [
      { size: [2, 2], count: 4, first: 'a/1.png' },
      { size: [1, 4], count: 1, first: 'a/4.png' },
    ],
    duplicates: [
      ['a/1.png', 'b/5.png'],
      ['a/3.gif', 'a/deep/2.png'],
    ],
    ...{ min: -1, max: 1, leftOut: { '.txt': 1 }, leftOutNames: ['notes.txt'], refusal: undefined },
  });
  expect(report.mean).toBeCloseTo(-1 / 5, 12); // three of five are -1, two are 1
  expect(report.deviation).toBeCloseTo(Math.sqrt(1 - 1 / 25), 12);
  expect(report.bad.map(({ path }) => path)).toEqual([join(folder, 'b/6.png')]);
});

test('of a folder that is refused as a whole, all images and why', async () => {
  await write('1.png', await grey(0, 2, 2));
  await write('a/2.png', await grey(9, 2, 2));
  const report = await inspectImageFolder(folder);
  expect(report).toMatchObject({ images: 2, classes: {}, leftOut: {} });
  expect(report.refusal).toMatch(/has images directly in it \(1\.png\) and in sub-folders/);
  expect(await inspectImageFolder(folder, { classes: ['a'] })).toMatchObject({ images: 1, leftOut: { '.png': 1 } });
  await rm(join(folder, '1.png'));
  await rm(join(folder, 'a/2.png'));
  await expect(inspectImageFolder(folder)).rejects.toThrow(/has no images/);
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DataError } from '@flowmap/core';
import { imageFolder, ImageSizeError } from '@flowmap/data/node';
import { hostTensor, uniforms, type HostTensor } from '@flowmap/tensor';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FeatureError, TooFewSamplesError } from '../errors.js';
import { datasetBatches } from '../extractors/dataset-batches.js';
import { extractMoments } from '../extractors/extract-moments.js';
import { opaqueExtractor } from '../extractors/opaque-extractor.js';
import { frechetDistance } from '../metrics/frechet-distance.js';
import { momentsFromNpz, momentsToNpz } from '../statistics/npz-moments.js';
import { folderMoments } from './folder-moments.js';

const [count, side] = [11, 4];
let folder = '';

async function write(name: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), bytes);
}

const noise = (i: number, extent = side): Promise<Buffer> => {
  const values = uniforms({ seed: i, purpose: 'image' }, 3 * extent * extent);
  const pixels = Uint8Array.from(values, (value) => 256 * value);
  return sharp(pixels, { raw: { width: extent, height: extent, channels: 3 } })
    .png()
    .toBuffer();
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowmap-eval-'));
  for (let i = 0; i < count; i++) {
    const image = await noise(i);
    const name = `${String(i).padStart(2, '0')}.png`;
    await write(`flat/${name}`, image);
    await write(`classes/${i < 5 ? 'cat' : 'dog'}/${name}`, image);
    await write(`deep/${i < 5 ? 'a' : 'b/c/d'}/${name}`, image);
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** The first seven numbers of every image. */
const firsts = opaqueExtractor({ name: 'firsts' }, ({ shape: [n = 0], data }: HostTensor) => {
  const size = data.length / n;
  return Promise.resolve(
    hostTensor(
      [n, 7],
      Array.from({ length: 7 * n }, (_, i) => data[size * Math.floor(i / 7) + (i % 7)]!),
    ),
  );
});

test.each(['flat', 'classes', 'deep'])('%s folders have the moments of the dataset', async (layout) => {
  const dataset = await imageFolder(join(folder, 'flat'), { cache: false });
  const wanted = (await extractMoments(firsts, datasetBatches(dataset, { batchSize: 4 }))).moments();
  const steps: [number, number][] = [];
  const options = { batchSize: 4, onProgress: (...step: [number, number]) => steps.push(step) };
  const { moments, unreadable } = await folderMoments(join(folder, layout), firsts, options);
  expect(moments.moments()).toEqual(wanted);
  expect(unreadable).toEqual([]);
  expect(steps).toEqual([
    [4, count],
    [8, count],
    [count, count],
  ]);
});

test('classes restrict them', async () => {
  const { moments } = await folderMoments(join(folder, 'classes'), firsts, { classes: ['cat'] });
  expect(moments.count).toBe(5);
});

test('statistics in a file are a reference as good as the folder', async () => {
  const { moments } = await folderMoments(join(folder, 'flat'), firsts);
  const reference = momentsFromNpz(momentsToNpz(moments.moments()), { ...firsts.source, count });
  expect(reference).toEqual(moments.moments());
  const { moments: cats } = await folderMoments(join(folder, 'classes'), firsts, { classes: ['cat'] });
  const distance = frechetDistance(cats.moments(), reference);
  expect(distance).toEqual(frechetDistance(cats.moments(), moments.moments()));
  expect(distance.value).toBeGreaterThan(0.01);
});

test('images that cannot be read are refused, or listed and left out', async () => {
  for (let i = 0; i < 3; i++) await write(`damaged/${i}.png`, await noise(i));
  await write('damaged/broken.png', (await noise(3)).subarray(0, 50));
  await write('damaged/notes.txt', Buffer.from('no image'));
  await expect(folderMoments(join(folder, 'damaged'), firsts)).rejects.toThrow(DataError);
  const steps: number[] = [];
  const { moments, unreadable, leftOut } = await folderMoments(join(folder, 'damaged'), firsts, {
    maxUnreadable: 1,
    onProgress: (done) => steps.push(done),
  });
  expect(moments.count).toBe(3);
  expect(unreadable.map(({ path }) => path)).toEqual([join(folder, 'damaged/broken.png')]);
  expect(leftOut).toEqual({ '.txt': 1 });
  expect(steps).toEqual([4]);
});

test('one image, several sizes and features that are NaN are refused', async () => {
  await write('one/a.png', await noise(0));
  const { moments } = await folderMoments(join(folder, 'one'), firsts);
  expect(() => moments.moments()).toThrow(TooFewSamplesError);
  await write('one/b.png', await noise(1, 5));
  await expect(folderMoments(join(folder, 'one'), firsts)).rejects.toThrow(ImageSizeError);
  const nan = opaqueExtractor({ name: 'nan' }, () =>
    Promise.resolve(hostTensor([count, 1], new Float32Array(count).fill(NaN))),
  );
  await expect(folderMoments(join(folder, 'flat'), nan)).rejects.toThrow(FeatureError);
});

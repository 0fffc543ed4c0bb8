import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, DataError } from '@flowmap/core';
import { ImageSizeError, writeImageGrid } from '@flowmap/data/node';
import { parseOptions } from '@flowmap/example-common';
import { normals } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runImageFolder } from './run.js';
import { IMAGE_FOLDER_OPTIONS } from './settings.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-image-folder-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const photos = join(scratch, 'photos');
const TINY = ['--iterations=2', '--teacher-iterations=2', '--batch-size=4', '--channels=16', '--threads=1', '--flip'];

function run(...args: string[]): Promise<string> {
  const work = {
    name: '',
    description: '',
    options: IMAGE_FOLDER_OPTIONS,
    run: (): Promise<void> => Promise.resolve(),
  };
  const signal = new AbortController().signal;
  return runImageFolder(parseOptions(work, [...TINY, ...args]), { signal, print: () => undefined, progress: 'none' });
}

/** A picture of noise, `side` pixels wide and high. */
async function writeNoise(path: string, side: number): Promise<void> {
  const images = normals({ seed: 0, purpose: path }, 3 * side ** 2);
  await writeImageGrid(path, { images, shape: [3, side, side], gap: 0 });
}

beforeAll(async () => {
  process.env['XDG_CACHE_HOME'] = join(scratch, 'cache');
  for (const [file, side] of [
    ['cats/1.png', 8],
    ['cats/2.png', 8],
    ['dogs/1.png', 12],
  ] as const) {
    await writeNoise(join(photos, file), side);
  }
});

test('a folder of classes becomes a report', { timeout: 120_000 }, async () => {
  const folder = await run('--data', photos, '--size', '4', '--out', join(scratch, 'run'));
  for (const file of ['samples-1.png', 'samples-4.png', 'teacher.png', 'metrics.json', 'student.safetensors']) {
    expect(existsSync(join(folder, file)), file).toBe(true);
  }
  const page = readFileSync(join(folder, 'index.html'), 'utf8');
  expect(page).toContain('<h1>Images of photos, from many steps to few</h1>');
  expect(page).toContain('photos: 3 samples of 3 × 4 × 4, 2 classes, mirrored at random');

  const teacher = join(folder, 'teacher', 'teacher.safetensors');
  const again = await run('--data', photos, '--size', '4', '--teacher', teacher, '--out', join(scratch, 'again'));
  expect(existsSync(join(again, 'teacher'))).toBe(false);
  expect(
    readFileSync(join(again, 'student.safetensors')).equals(readFileSync(join(folder, 'student.safetensors'))),
  ).toBe(true);

  await expect(
    run('--data', join(photos, 'cats'), '--size', '4', '--teacher', teacher, '--out', join(scratch, 'other')),
  ).rejects.toThrow(/2 classes, 'cats' has 0/);
  expect(existsSync(join(scratch, 'other'))).toBe(false);
});

describe('what is refused before anything is written', () => {
  const out = join(scratch, 'refused');
  const refusal = (...args: string[]): Promise<unknown> =>
    run(...args, '--out', out).then(
      () => undefined,
      (error: unknown) => error,
    );

  test('a missing folder', async () => {
    const error = await refusal('--data', join(scratch, 'nowhere'));
    expect(error).toBeInstanceOf(DataError);
    expect(String(error)).toContain('nowhere: no such file or folder');
  });

  test('an empty folder', async () => {
    mkdirSync(join(scratch, 'empty'));
    expect(await refusal('--data', join(scratch, 'empty'))).toBeInstanceOf(DataError);
  });

  test('images of several sizes without --size', async () => {
    const error = await refusal('--data', photos);
    expect(error).toBeInstanceOf(ImageSizeError);
    expect(String(error)).toContain('--size');
  });

  test('a truncated image', async () => {
    const folder = join(scratch, 'truncated');
    mkdirSync(folder);
    writeFileSync(join(folder, '1.png'), readFileSync(join(photos, 'cats/1.png')).subarray(0, 100));
    expect(String(await refusal('--data', folder))).toContain('1.png');
  });

  test('a size that the network cannot halve', async () => {
    const error = await refusal('--data', photos, '--size', '9', '--channels', '16,16');
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain('sides that 2 divides, got 9 x 9');
  });

  test('nothing was written', () => {
    expect(existsSync(out)).toBe(false);
  });
});

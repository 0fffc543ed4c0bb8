import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError, DataError } from '@flowmap/core';
import { loadModel, saveModel } from '@flowmap/core/node';
import { ImageSizeError, writeImageGrid } from '@flowmap/data/node';
import { normals } from '@flowmap/tensor';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseOptions } from 'flowmap/node';
import { runImageFolder } from './run.js';
import { IMAGE_FOLDER_OPTIONS } from './settings.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-image-folder-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const photos = join(scratch, 'photos');
const TEACHER = ['--teacher-iterations=2', '--channels=16'];
const TINY = ['--iterations=2', '--batch-size=4', '--threads=1', '--evaluate=0', '--flip'];

const printed: string[] = [];

function run(...args: string[]): Promise<string> {
  const work = {
    name: '',
    description: '',
    options: IMAGE_FOLDER_OPTIONS,
    run: (): Promise<void> => Promise.resolve(),
  };
  const signal = new AbortController().signal;
  const print = (line: string): unknown => printed.push(line);
  return runImageFolder(parseOptions(work, [...TINY, ...(args.includes('--teacher') ? [] : TEACHER), ...args]), {
    signal,
    print,
    progress: 'none',
  });
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
  await writeNoise(join(photos, 'cats/originals/1.png'), 8);
  writeFileSync(join(photos, 'cats/moving.mp4'), '');
  writeFileSync(join(photos, 'notes.txt'), '');
});

test('a folder of classes becomes a report, and its teacher others', async () => {
  const folder = await run('--data', photos, '--size', '4', '--out', join(scratch, 'run'));
  const known =
    'photos: 4 images read (4 PNG), 2 classes; 2 files left out (1 .mp4, 1 .txt): notes.txt, cats/moving.mp4';
  expect(printed.slice(0, 2)).toEqual([`reading images of ${photos}`, known]);
  for (const file of ['samples-1.png', 'samples-4.png', 'teacher.png', 'metrics.json', 'student.safetensors']) {
    expect(existsSync(join(folder, file)), file).toBe(true);
  }
  const page = readFileSync(join(folder, 'index.html'), 'utf8');
  expect(page).toContain('<h1>Images of photos, from many steps to few</h1>');
  expect(page).toContain(`${known}; as 3 × 4 × 4, mirrored at random`);

  const teacher = join(folder, 'teacher', 'teacher.safetensors');
  // Measured in training, its best one kept, and the curve drawn, the student is the same.
  const measured = ['--teacher', teacher, '--evaluate-every=1', '--evaluate-steps=1', '--evaluate-samples=2'];
  const again = await run('--data', photos, '--size', '4', ...measured, '--out', join(scratch, 'again'));
  expect(existsSync(join(again, 'teacher'))).toBe(false);
  expect(
    readFileSync(join(again, 'student.safetensors')).equals(readFileSync(join(folder, 'student.safetensors'))),
  ).toBe(true);
  const log = readFileSync(join(again, 'log.jsonl'), 'utf8').trim().split('\n');
  const distances = log.map((line) => (JSON.parse(line) as Record<string, number>)['distance.1']!);
  expect(distances).toHaveLength(2);
  for (const distance of distances) expect(distance).toBeGreaterThan(0);
  const [best, last] = [join('kept', 'best.safetensors'), 'student.safetensors'].map((file) => join(again, file));
  const [kept, final] = [await loadModel(best!), await loadModel(last!)];
  const isLast = Object.entries(kept.params).every(([name, { data }]) =>
    isDeepStrictEqual(data, final.params[name]!.data),
  );
  expect(isLast).toBe(distances[1]! < distances[0]!);
  expect(readFileSync(join(again, 'index.html'), 'utf8')).toContain('How its samples improved');

  // Classes are matched by their names, whatever the order.
  const swapped = join(scratch, 'swapped.safetensors');
  const { params, ...model } = await loadModel(teacher);
  await saveModel(swapped, { ...model, params, classes: ['dogs', 'cats'] });
  const levers = ['--teacher', swapped, '--weak-teacher', swapped, '--guidance', '2', '--further', '1'];
  const guided = await run('--data', photos, '--size', '4', ...levers, '--out', join(scratch, 'guided'));
  expect((await loadModel(join(guided, 'finetuned.safetensors'))).kind).toBe('flowMap');
  expect((await loadModel(join(guided, 'student.safetensors'))).classes).toEqual(['dogs', 'cats']);

  const wolves = join(scratch, 'wolves');
  cpSync(photos, wolves, { recursive: true });
  renameSync(join(wolves, 'dogs'), join(wolves, 'wolves'));
  for (const [data, message] of [
    [join(photos, 'dogs'), "the teacher has 2 classes, 'dogs' has 0: the data lacks 'cats', 'dogs'"],
    [wolves, "the data lacks 'dogs'; the teacher does not know 'wolves'"],
  ] as const) {
    const refused = run('--data', data, '--size', '4', '--teacher', teacher, '--out', join(scratch, 'other'));
    await expect(refused).rejects.toThrow(message);
    expect(existsSync(join(scratch, 'other'))).toBe(false);
  }
});

test('samples of a teacher without classes are not shown as if they had those of the folder', async () => {
  const plain = await run('--data', join(photos, 'dogs'), '--size', '4', '--out', join(scratch, 'plain'));
  const teacher = join(plain, 'teacher', 'teacher.safetensors');
  const folder = await run('--data', photos, '--size', '4', '--teacher', teacher, '--out', join(scratch, 'unlabelled'));
  const [there, here] = [plain, folder].map((run) => readFileSync(join(run, 'teacher.png')));
  expect(here!.equals(there!)).toBe(true);
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

  test('a class folder without anything readable', async () => {
    const folder = join(scratch, 'films');
    await writeNoise(join(folder, 'cats/1.png'), 8);
    mkdirSync(join(folder, 'dogs'));
    writeFileSync(join(folder, 'dogs/1.mp4'), '');
    const error = await refusal('--data', folder);
    expect(error).toBeInstanceOf(DataError);
    expect(String(error)).toContain("class 'dogs' has no images: it holds 1 .mp4");
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

  test("a teacher's options beside a teacher that is trained", async () => {
    const error = await refusal('--data', photos, '--teacher', 'teacher.safetensors', '--teacher-iterations', '7');
    expect(String(error)).toContain('--teacher-iterations');
    expect(String(error)).toContain('has no effect with --teacher');
  });

  test('guidance without a weak teacher', async () => {
    expect(String(await refusal('--data', photos, '--size', '4', '--guidance', '2'))).toContain('--weak-teacher');
  });

  test('nothing was written', () => {
    expect(existsSync(out)).toBe(false);
  });
});

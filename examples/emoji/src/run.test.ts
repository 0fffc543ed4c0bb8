import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '@flowmap/core';
import { loadTeacher } from '@flowmap/example-common';
import { guidedModel } from '@flowmap/guidance';
import { afterAll, expect, test, vi } from 'vitest';
import { distillationOf, parseOptions, type CommandContext } from 'flowmap/node';
import { CATEGORIES } from './emoji-dataset.js';
import { runEmoji, withDiagonalShare } from './run.js';
import { EMOJI_OPTIONS, SHIPPED_TEACHER, SHIPPED_WEAK_TEACHER, TEACHER_OPTIONS } from './settings.js';
import { trainTeacher } from './teacher.js';

// The images are decoded once, which takes longer than everything else here.
vi.mock('./emoji-dataset.js', async (load) => {
  const original = await load<typeof import('./emoji-dataset.js')>();
  const decoded = new Map<number, ReturnType<typeof original.emojiDataset>>();
  const emojiDataset: typeof original.emojiDataset = (side) => {
    const dataset = decoded.get(side) ?? original.emojiDataset(side);
    decoded.set(side, dataset);
    return dataset;
  };
  return { ...original, emojiDataset };
});

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-emoji-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const context: CommandContext = { signal: new AbortController().signal, print: () => undefined, progress: 'none' };
const nothing = { description: '', name: '', run: (): Promise<void> => Promise.resolve() };
const emoji = (...args: string[]): Promise<string> =>
  runEmoji(parseOptions({ ...nothing, options: EMOJI_OPTIONS }, args), context);

test('a teacher is made and put in its place, then distilled', async () => {
  const save = join(scratch, 'teacher.safetensors');
  const training = ['--iterations', '2', '--batch-size', '4', '--threads', '1'];
  const network = ['--size', '4', '--channels', '16'];
  const args = [...training, ...network, '--out', join(scratch, 'teacher'), '--save', save];
  await trainTeacher(parseOptions({ ...nothing, options: TEACHER_OPTIONS }, args), context);
  const metrics = JSON.parse(readFileSync(join(scratch, 'teacher.metrics.json'), 'utf8')) as Record<string, unknown>;
  expect(metrics).toMatchObject({ images: 1906, epochs: 8 / 1906, options: { size: 4, channels: [16] } });
  expect(readFileSync(join(scratch, 'teacher.log.jsonl'), 'utf8').trim().split('\n')).toHaveLength(2);
  expect(existsSync(join(scratch, 'teacher.png'))).toBe(true);

  const levers = ['--guidance', '2', '--weak-teacher', save, '--further', '2'];
  const folder = await emoji(
    ...training,
    ...levers,
    '--evaluate',
    '0',
    '--student',
    'teacher',
    '--teacher',
    save,
    '--out',
    join(scratch, 'emoji'),
  );
  const pictures = [
    'samples-1.png',
    'samples-2.png',
    'samples-4.png',
    'samples-8.png',
    'teacher.png',
    'comparison.svg',
  ];
  for (const file of [
    ...pictures,
    'student.safetensors',
    'finetuned.safetensors',
    'log.jsonl',
    'config.json',
    'metrics.json',
    'index.html',
  ]) {
    expect(existsSync(join(folder, file)), file).toBe(true);
  }
  const page = readFileSync(join(folder, 'index.html'), 'utf8');
  expect(page.match(/src="data:image\/png;base64,/g)).toHaveLength(13); // strips of teacher and student at four step counts and of the reference, and four grids
  expect(page).toContain('1,906 samples of 3 × 4 × 4, 9 classes');
  expect(page).toContain('How the teacher learned'); // from the log beside the checkpoint
});

test('the student has its share of the batch at s = t with the objectives that take one', async () => {
  const objective = async (name: string) => {
    const options = parseOptions({ ...nothing, options: EMOJI_OPTIONS }, ['--objective', name]);
    return (await distillationOf(withDiagonalShare(options))).objective;
  };
  expect((await objective('ayf-emd')).config).toMatchObject({ diagonalShare: 0.4 });
  expect((await objective('ayf-lmd')).config).toMatchObject({ diagonalShare: 0.4 });
  expect((await objective('mean-flow')).name).toBe('mean-flow');
});

test("a teacher's options are refused without --train-teacher", async () => {
  await expect(emoji('--weak-channels', '8')).rejects.toThrow('--weak-channels: has no effect without --train-teacher');
  await expect(emoji('--weak-teacher', 'FILE')).rejects.toThrow('--weak-teacher: has no effect without --guidance');
});

test('a teacher that is interrupted when it is trained is not trained again', async () => {
  const [out, save] = [join(scratch, 'interrupted'), join(scratch, 'interrupted.safetensors')];
  const args = ['--iterations', '2', '--batch-size', '4', '--threads', '1', '--size', '4', '--channels', '16'];
  const config = parseOptions({ ...nothing, options: TEACHER_OPTIONS }, [...args, '--out', out, '--save', save]);
  const controller = new AbortController();
  const print = (): void => controller.abort(); // the first message says what is sampled
  const interrupted = trainTeacher(config, { ...context, signal: controller.signal, print });
  await expect(interrupted).rejects.toMatchObject({ name: 'AbortError' });
  expect(existsSync(save)).toBe(false);
  const log = readFileSync(join(out, 'log.jsonl'), 'utf8'); // with the timings of its training
  await trainTeacher(config, context);
  expect(readFileSync(join(scratch, 'interrupted.log.jsonl'), 'utf8')).toBe(log);
  expect(existsSync(save)).toBe(true);
  expect(readdirSync(out)).toContain('metrics.json'); // finished, so the next run is a new one
});

test('the teacher that comes with the example is one of 24 x 24 emoji in nine categories, and small', async () => {
  const { model, log } = await loadTeacher(SHIPPED_TEACHER);
  expect(model.kind).toBe('velocity');
  expect(model.network.config).toMatchObject({ shape: [3, 24, 24], classes: 9 });
  expect(model.classes).toEqual(CATEGORIES);
  expect(log.length).toBeGreaterThan(100);
  expect(statSync(SHIPPED_TEACHER).size).toBeLessThan(10e6);
});

test('the weak teacher that comes with it is of its kind, smaller and less trained', async () => {
  const [strong, weak] = [await loadTeacher(SHIPPED_TEACHER), await loadTeacher(SHIPPED_WEAK_TEACHER)];
  expect(() => guidedModel({ strong: strong.model, weak: weak.model, scale: 2 })).not.toThrow();
  expect(weak.model.training!['iterations']).toBe(Number(strong.model.training!['iterations']) / 8);
  expect(statSync(SHIPPED_WEAK_TEACHER).size).toBeLessThan(statSync(SHIPPED_TEACHER).size / 2);
});

test('a teacher that is missing or damaged is an error before anything is written', async () => {
  const out = join(scratch, 'none');
  await expect(emoji('--teacher', join(scratch, 'no.safetensors'), '--out', out)).rejects.toThrow(CheckpointError);
  const damaged = join(scratch, 'damaged.safetensors');
  writeFileSync(damaged, 'not a checkpoint');
  await expect(emoji('--teacher', damaged, '--out', out)).rejects.toThrow(damaged);
  expect(existsSync(out)).toBe(false);
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunMismatchError } from '@flowmap/train';
import { afterAll, expect, test } from 'vitest';
import { leversRun } from './__fixtures__/levers-run.js';
import type { Metrics } from './metrics.js';
import { runExample } from './run-example.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-levers-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const bytes = (folder: string, file: string): Buffer => readFileSync(join(folder, file));
const metricsOf = (folder: string): Metrics => JSON.parse(bytes(folder, 'metrics.json').toString()) as Metrics;
const models = [
  'teacher/teacher.safetensors',
  'weak-teacher/teacher.safetensors',
  'student.safetensors',
  'finetuned.safetensors',
];

/** Fails when more batches of data are asked for, as if the process ended there. */
function ending(batches: number): () => void {
  let asked = 0;
  return () => {
    if (++asked > batches) throw new Error('ended here');
  };
}

async function killedInChild(out: string, batches: number): Promise<void> {
  const file = join(import.meta.dirname, '__fixtures__/levers-in-child.ts');
  const flags = ['--conditions=@flowmap/source', '--import', 'tsx', file, out, String(batches)];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  const [, signal] = (await once(child, 'close')) as [unknown, NodeJS.Signals | null];
  expect(signal, said).toBe('SIGKILL');
}

test('a run that ends in each of its stages and is run again ends as if nothing had happened', async () => {
  const whole = await runExample(await leversRun(join(scratch, 'whole')));
  for (const file of models) expect(existsSync(join(whole, file)), file).toBe(true);
  expect(bytes(whole, 'finetuned.safetensors').equals(bytes(whole, 'student.safetensors'))).toBe(false);
  const page = bytes(whole, 'index.html').toString();
  for (const title of ['Logits', 'Gap', 'Accuracy', 'Penalties', 'Adaptive weight', 'Diversity']) {
    expect(page).toContain(`<strong>${title}</strong>`);
  }
  expect(page).toContain('by a weak teacher, λ 2; drawn from 1 to 3, which the student is told');
  expect(page).not.toMatch(/undefined|NaN|\[object/);

  // Every stage has 6 steps: those that are finished are loaded, and ask for no data.
  const out = join(scratch, 'ended');
  const stages = models.map((file) => join(out, file));
  for (const [stage, batches] of [3, 10, 10].entries()) {
    await expect(runExample(await leversRun(out, ending(batches)))).rejects.toThrow('ended here');
    expect(stages.map((file) => existsSync(file))).toEqual(stages.map((_, i) => i < stage));
  }
  await killedInChild(out, 10);
  expect(stages.map((file) => existsSync(file))).toEqual([true, true, true, false]);
  expect(existsSync(join(out, 'finetuning/latest'))).toBe(true); // it goes on from there
  const other = { ...(await leversRun(out)), options: { stages: 5 } };
  await expect(runExample(other)).rejects.toThrow(RunMismatchError);

  expect(await runExample(await leversRun(out))).toBe(out);
  for (const file of models) expect(bytes(out, file).equals(bytes(whole, file)), file).toBe(true);
  expect(metricsOf(out).student).toEqual(metricsOf(whole).student);
});

test('a finetuning without a discriminator is the distillation alone, of a student that is given', async () => {
  const run = await leversRun(join(scratch, 'further'));
  const { adversarial: _, ...alone } = run.finetuning!;
  const first = await runExample({ ...run, finetuning: alone });
  const log = bytes(first, 'finetuning/log.jsonl').toString();
  expect(log).toContain('tangentNorm');
  expect(log).not.toContain('discriminator');
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostTensor } from '@flowmap/tensor';
import { parseOptions } from 'flowmap/node';
import { afterAll, expect, test } from 'vitest';
import { DEVIATION, heldPoints, judge, MODES, modes } from './modes.js';
import { runAdversarial } from './run.js';
import { ADVERSARIAL_OPTIONS } from './settings.js';
import { tableOf, type Row } from './table.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-adversarial-2d-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const count = 4000;
const indices = Array.from({ length: count }, (_, i) => i);
const held = await heldPoints(count);

test('the data itself has no outliers and covers every mode; blurred data is farther and has outliers', async () => {
  const { x } = await modes(DEVIATION, 1).batch(indices);
  const own = judge(hostTensor([count, 2], x), held);
  // A normal point is beyond 4 deviations in two dimensions with probability exp(-8) = 0.0003.
  expect(own.outliers).toBeLessThan(0.002);
  // Of 444 expected points, 5 standard deviations are 24 %.
  expect(own.coverage).toBeGreaterThan(0.76);
  const { x: wide } = await modes(2 * DEVIATION, 1).batch(indices);
  const blurred = judge(hostTensor([count, 2], wide), held);
  // Beyond 2 of its own deviations: exp(-2) = 0.135, with a standard error of 0.005.
  expect(Math.abs(blurred.outliers - Math.exp(-2))).toBeLessThan(0.03);
  expect(blurred.distance).toBeGreaterThan(own.distance);
});

test('points at one mode leave the others uncovered', () => {
  const [x, y] = MODES[0]!;
  const one = hostTensor(
    [count, 2],
    Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? x : y)),
  );
  expect(judge(one, held)).toMatchObject({ outliers: 0, coverage: 0 });
});

test('the table has means over the seeds, and the gain over as many steps without a discriminator', () => {
  const row = (stage: Row['stage'], seed: number, distance: number): Row => {
    return { teacher: 'right', stage, seed, steps: 1, distance, outliers: 0.25, coverage: 0.5 };
  };
  const pairs = [0.4, 0.2].flatMap((distance, seed) => [
    row('distilled', seed, 1),
    row('distilled further', seed, distance),
    row('finetuned', seed, distance / (2 + 2 * seed)),
  ]);
  const table = tableOf([...pairs, ...pairs.map((own): Row => ({ ...own, teacher: 'blurred' }))]);
  expect(table).toContain('| right | 1 | distilled further | 0.3000 |  | 25.0 % | 0.50 |');
  expect(table).toContain('| blurred | 1 | finetuned | 0.1250 | 58.3 % (50.0 % to 75.0 %) | 25.0 % | 0.50 |');
});

test('a short run leaves a picture, a table and metrics, and resumes', async () => {
  const lengths = ['--seeds=1', '--teacher-iterations=2', '--iterations=2', '--further=2', '--batch-size=8'];
  const sizes = ['--width=8', '--depth=1', '--points=40', '--threads=1', '--out', join(scratch, 'run')];
  const spec = { name: '', description: '', options: ADVERSARIAL_OPTIONS, run: () => Promise.resolve() };
  const config = parseOptions(spec, [...lengths, ...sizes]);
  const printed: string[] = [];
  const context = {
    signal: new AbortController().signal,
    print: (line: string) => printed.push(line),
    progress: 'none' as const,
  };
  const folder = await runAdversarial(config, context);
  expect(readFileSync(join(folder, 'table.md'), 'utf8')).toBe(`${printed[0]!}\n`);
  expect(readFileSync(join(folder, 'picture.png')).length).toBeGreaterThan(1000);
  rmSync(join(folder, 'metrics.json')); // as if it had been stopped just before the end
  expect(await runAdversarial(config, context)).toBe(folder);
  expect(printed[1]).toBe(printed[0]);
});

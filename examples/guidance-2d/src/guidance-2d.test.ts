import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostTensor } from '@flowmap/tensor';
import { parseOptions } from 'flowmap/node';
import { afterAll, expect, test } from 'vitest';
import { branching } from './branches.js';
import { judge } from './judge.js';
import { runGuidance } from './run.js';
import { GUIDANCE_OPTIONS } from './settings.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-guidance-2d-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const data = branching();
const count = 3000;
const { x, conditions } = await data.batch(Array.from({ length: count }, (_, i) => i));
const labels = conditions['label'] as Int32Array;

test('the data has no outliers and covers every branch', () => {
  const { outliers, lost, moved } = judge(data, hostTensor([count, 2], x), labels);
  expect(outliers).toBeLessThan(0.005);
  expect(lost).toBe(0);
  // The means of |n - E n| over 14 branches add up to 0.025 for this many points.
  expect(moved).toBeLessThan(0.04);
  expect(data.branches.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(2, 12);
});

test('points of the other class, and points that keep to one branch, are judged as such', () => {
  const exchanged = judge(
    data,
    hostTensor([count, 2], x),
    Int32Array.from(labels, (label) => 1 - label),
  );
  expect(exchanged.outliers).toBeGreaterThan(0.9);
  const [trunk] = data.branches;
  const one = Float32Array.from({ length: 20 }, (_, i) => (trunk!.from[i % 2]! + trunk!.to[i % 2]!) / 2);
  expect(judge(data, hostTensor([10, 2], one), new Int32Array(10))).toMatchObject({ outliers: 0, lost: 13 });
});

test('a short run leaves a picture, a table and metrics, and resumes', async () => {
  const args = ['--iterations=2', '--weak-iterations=1', '--batch-size=8', '--width=8', '--depth=1', '--points=40'];
  const spec = { name: '', description: '', options: GUIDANCE_OPTIONS, run: () => Promise.resolve() };
  const sizes = ['--weak-width=8', '--weak-depth=1', '--steps=2', '--threads=1'];
  const config = parseOptions(spec, [...args, ...sizes, '--out', join(scratch, 'run')]);
  const signal = new AbortController().signal;
  const printed: string[] = [];
  const context = { signal, print: (line: string) => printed.push(line), progress: 'none' as const };
  const folder = await runGuidance(config, context);
  expect(readFileSync(join(folder, 'table.md'), 'utf8')).toBe(`${printed[1]!}\n`);
  expect(readFileSync(join(folder, 'picture.png')).length).toBeGreaterThan(1000);
  rmSync(join(folder, 'metrics.json')); // as if it had been stopped just before the end
  expect(await runGuidance(config, context)).toBe(folder);
  expect(printed.slice(2)).toEqual(printed.slice(0, 2));
  expect(printed[0]).toMatch(/^data: endless samples of \[2\], 3 classes; values /);
});

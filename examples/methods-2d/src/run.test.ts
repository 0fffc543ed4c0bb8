import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseOptions } from 'flowmap/node';
import { afterAll, expect, test } from 'vitest';
import type { Row } from './compare.js';
import { METHODS, methodNamed } from './methods.js';
import { runMethods } from './run.js';
import { METHODS_OPTIONS } from './settings.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-methods-2d-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('every objective is compared; those that only lead to data are sampled by adding noise again', () => {
  const methods = METHODS.map(methodNamed);
  expect(methods).toHaveLength(21);
  const toData = methods.filter(({ sampler }) => sampler.name === 'consistency').map(({ name }) => name);
  expect(toData).toEqual(['scd', 'sct', 'consistency-distillation', 'consistency-training', 'facm']);
  expect(methods.filter(({ path }) => path === 'trigonometric').map(({ name }) => name)).toEqual(['scd', 'sct']);
});

test('a short run leaves a table, a picture and metrics, and resumes', async () => {
  const spec = { name: '', description: '', options: METHODS_OPTIONS, run: () => Promise.resolve() };
  const sizes = [
    '--iterations=1',
    '--teacher-iterations=1',
    '--batch-size=4',
    '--width=4',
    '--depth=2',
    '--samples=20',
  ];
  const methods = '--methods=sct,decoupled-mean-flow';
  const config = parseOptions(spec, [...sizes, methods, '--threads=1', '--out', join(scratch, 'run')]);
  const printed: string[] = [];
  const signal = new AbortController().signal;
  const context = { signal, print: (line: string) => printed.push(line), progress: 'none' as const };
  const folder = await runMethods(config, context);
  expect(readFileSync(join(folder, 'tables.md'), 'utf8')).toBe(`${printed[0]!}\n`);
  expect(readFileSync(join(folder, 'checkerboard.svg'), 'utf8')).toContain('decoupled-mean-flow');
  const { compared } = JSON.parse(readFileSync(join(folder, 'metrics.json'), 'utf8')) as {
    compared: { rows: Row[] }[];
  };
  const names = compared[0]!.rows.map(({ name, sampler }) => `${name}: ${sampler}`);
  expect(names).toEqual([
    'teacher, trigonometric path: euler',
    'sct: consistency',
    'teacher, linear path: euler',
    'decoupled-mean-flow: flow-map',
  ]);
  for (const { distances } of compared[0]!.rows) {
    expect(distances).toHaveLength(5);
    expect(distances.every((distance) => distance > 0)).toBe(true);
  }
  rmSync(join(folder, 'metrics.json')); // as if it had been stopped just before the end
  expect(await runMethods(config, context)).toBe(folder);
  expect(printed[1]).toBe(printed[0]);
  expect(existsSync(join(folder, 'checkerboard', 'sct', 'student.safetensors'))).toBe(true);
});

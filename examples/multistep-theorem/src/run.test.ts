import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseOptions } from 'flowmap/node';
import { afterAll, expect, test } from 'vitest';
import type { Panel } from './panels.js';
import { runTheorem } from './run.js';
import { THEOREM_OPTIONS } from './settings.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-theorem-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('a short run leaves a picture, tables and metrics: flow maps end better than they begin', async () => {
  const spec = { name: '', description: '', options: THEOREM_OPTIONS, run: () => Promise.resolve() };
  const args = [
    '--iterations=2',
    '--batch-size=4',
    '--width=4',
    '--depth=1',
    '--seeds=1',
    '--points=9',
    '--threads=1',
    '--objectives=scd',
    '--steps=1,2,4',
  ];
  const config = parseOptions(spec, [...args, '--out', join(scratch, 'run')]);
  const printed: string[] = [];
  const signal = new AbortController().signal;
  const folder = await runTheorem(config, { signal, print: (line) => printed.push(line), progress: 'none' });
  expect(readFileSync(join(folder, 'tables.md'), 'utf8')).toBe(`${printed.join('\n')}\n`);
  expect(readFileSync(join(folder, 'distances.svg'), 'utf8')).toMatch(/^<svg/);
  expect(existsSync(join(folder, 'mixture-scd-0', 'student.safetensors'))).toBe(true);
  const { panels } = JSON.parse(readFileSync(join(folder, 'metrics.json'), 'utf8')) as {
    panels: Panel[];
  };
  const ids = ['gaussian', 'ellipse', 'paths', 'mixture', 'trained-gaussian', 'trained-mixture'];
  expect(panels.map(({ id }) => id)).toEqual(ids);
  for (const { kind, distances } of panels[2]!.curves) {
    expect(distances).toHaveLength(3);
    expect(distances.at(-1)! > distances[0]!).toBe(kind === 'consistency');
  }
});

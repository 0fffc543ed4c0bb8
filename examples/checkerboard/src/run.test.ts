import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseOptions } from 'flowmap/node';
import { runCheckerboard } from './run.js';
import { CHECKERBOARD_OPTIONS } from './settings.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-checkerboard-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('a short run leaves pictures, metrics and a report', async () => {
  const args = [
    '--iterations=3',
    '--teacher-iterations=3',
    '--batch-size=8',
    '--width=8',
    '--depth=1',
    '--points=300',
    '--steps-per-run=2',
  ];
  const config = parseOptions(
    { name: '', description: '', options: CHECKERBOARD_OPTIONS, run: () => Promise.resolve() },
    [...args, '--threads=1', '--out', join(scratch, 'run')],
  );
  const signal = new AbortController().signal;
  const folder = await runCheckerboard(config, { signal, print: () => undefined, progress: 'none' });
  for (const file of ['samples-1.png', 'samples-8.png', 'teacher-1.png', 'teacher.png', 'index.html', 'config.json']) {
    expect(existsSync(join(folder, file)), file).toBe(true);
  }
  const metrics = JSON.parse(readFileSync(join(folder, 'metrics.json'), 'utf8')) as {
    student: Record<string, { endpointRmse: number; onBoard: number }>;
  };
  for (const { endpointRmse, onBoard } of Object.values(metrics.student)) {
    expect(endpointRmse).toBeGreaterThan(0);
    expect(onBoard).toBeGreaterThan(0);
    expect(onBoard).toBeLessThan(1);
  }
});

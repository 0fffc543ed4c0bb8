import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { ConfigError, mlp } from '@flowmap/core';
import { checkerboard } from '@flowmap/data';
import { flowMatching } from '@flowmap/objectives';
import { referenceRuntime } from '@flowmap/runtime-reference';
import { expect, test, vi } from 'vitest';
import { trainVelocityField } from './index.js';
import { showProgress } from './progress.js';

vi.mock('cli-progress', () => {
  throw new Error("Cannot find package 'cli-progress'");
});

test('auto shows lines, on a terminal too', async () => {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, columns: 120, rows: 24 });
  const reporter = await showProgress(
    'auto',
    { title: 'ayf-emd', watched: ['loss'], iterations: 4, done: 0 },
    stream as unknown as NodeJS.WriteStream,
  );
  reporter.record({ step: 1, loss: 0.5, gradientNorm: 1, learningRate: 1e-3, imagesPerSecond: 8, seconds: 1 });
  reporter.stop();
  expect(stream.read()).toBe('ayf-emd: step 1/4, loss 0.5000, 8 samples/s, ETA 3 s\n');
});

test('a bar that is asked for is refused with the way to install it, before anything is written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowmap-train-'));
  const out = join(folder, 'run');
  const training = trainVelocityField({
    runtime: referenceRuntime(),
    data: checkerboard(),
    network: mlp({ shape: [2], width: 4, depth: 1 }),
    objective: flowMatching(),
    iterations: 1,
    batchSize: 2,
    seed: 0,
    out,
    progress: 'bar',
  });
  const error: unknown = await training.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({ option: 'progress' });
  expect((error as ConfigError).message).toContain('Install it with `npm install cli-progress`');
  expect(existsSync(out)).toBe(false);
  rmSync(folder, { recursive: true });
});

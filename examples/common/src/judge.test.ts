import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageDataset } from '@flowmap/data';
import { onnxRuntime } from '@flowmap/runtime-onnx';
import { hostTensor, normals, uniforms } from '@flowmap/tensor';
import { afterAll, expect, test } from 'vitest';
import { openJudge, type Judgement } from './judge.js';

const scratch = mkdtempSync(join(tmpdir(), 'flowmap-judge-'));
afterAll(() => rmSync(scratch, { recursive: true }));

test('those who find the statistics judge as the one who made them', async () => {
  const count = 20; // the fewest for a distance by class
  const shape = [3, 8, 8];
  const pixels = Uint8Array.from(uniforms({ seed: 0, purpose: 'pixels' }, count * 192), (u) => 256 * u);
  const labels = new Int32Array(count);
  const data = imageDataset({ name: 'images', pixels, shape, labels, classes: ['noise'] });
  const samples = hostTensor([count, ...shape], normals({ seed: 0, purpose: 'samples' }, count * 192));
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  const signal = new AbortController().signal;
  const judged: Judgement[] = [];
  for (let i = 0; i < 2; i++) {
    const judge = await openJudge({ runtime, data, samples: count, statistics: join(scratch, 'statistics'), signal });
    judged.push(await judge.judge(samples, { labels, classes: ['noise'] }));
    await judge.dispose();
  }
  expect(judged[0]!.byClass!['noise']).toBeGreaterThan(0);
  expect(judged[1]).toEqual(judged[0]);
});

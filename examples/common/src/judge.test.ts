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
  const shape = [3, 8, 8] as const;
  const pixels = Uint8Array.from(uniforms({ seed: 0, purpose: 'pixels' }, 4 * 192), (u) => 256 * u);
  const data = imageDataset({ name: 'images', pixels, shape: [...shape] });
  const samples = hostTensor([4, ...shape], normals({ seed: 0, purpose: 'samples' }, 4 * 192));
  const runtime = await onnxRuntime({ device: 'cpu', threads: 1 });
  const signal = new AbortController().signal;
  const judged: Judgement[] = [];
  for (let i = 0; i < 2; i++) {
    const judge = await openJudge({ runtime, data, samples: 4, statistics: join(scratch, 'statistics'), signal });
    judged.push(await judge.judge(samples));
    await judge.dispose();
  }
  expect(judged[1]).toEqual(judged[0]);
});

import { RuntimeUnavailableError } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { evaluate, sample } from './__fixtures__/evaluate.js';
import { tfjsRuntime } from './runtime.js';

test('a browser has no native library, and is told so', async () => {
  const opened = tfjsRuntime({ tfjsNode: '/node_modules/@tensorflow/tfjs-node' });
  await expect(opened).rejects.toThrow(RuntimeUnavailableError);
  await expect(opened).rejects.toThrow('only Node');
});

test('the CPU back end runs', async () => {
  const runtime = await tfjsRuntime({ backend: 'cpu' });
  expect(await evaluate(runtime, { x: sample([3]) }, ({ x }) => x!.mul(0))).toEqual([0, 0, 0]);
});

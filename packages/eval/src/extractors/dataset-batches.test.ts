import { ConfigError } from '@flowmap/core';
import { checkerboard, imageDataset } from '@flowmap/data';
import { expect, test } from 'vitest';
import { datasetBatches } from './dataset-batches.js';

const data = imageDataset({
  name: 'greys',
  pixels: Uint8Array.from({ length: 10 }, (_, i) => 25 * i),
  shape: [1, 1, 2],
});

async function all(...args: Parameters<typeof datasetBatches>): Promise<{ shapes: number[][]; values: number[] }> {
  const batches = [];
  for await (const batch of datasetBatches(...args)) batches.push(batch);
  return { shapes: batches.map(({ shape }) => [...shape]), values: batches.flatMap((batch) => [...batch.data]) };
}

test('every sample is in one batch, in order', async () => {
  const { x } = await data.batch([0, 1, 2, 3, 4]);
  expect(await all(data, { batchSize: 2 })).toEqual({
    shapes: [
      [2, 1, 1, 2],
      [2, 1, 1, 2],
      [1, 1, 1, 2],
    ],
    values: [...x],
  });
  expect(await all(data)).toEqual({ shapes: [[5, 1, 1, 2]], values: [...x] });
  expect((await all(data, { count: 3 })).values).toEqual([...x.slice(0, 6)]);
});

test('a dataset without end needs a count, and one with an end no more than it has', async () => {
  await expect(all(checkerboard())).rejects.toThrow(ConfigError);
  expect((await all(checkerboard(), { count: 70 })).shapes).toEqual([
    [64, 2],
    [6, 2],
  ]);
  await expect(all(data, { count: 6 })).rejects.toThrow(ConfigError);
  await expect(all(data, { batchSize: 0 })).rejects.toThrow(ConfigError);
});

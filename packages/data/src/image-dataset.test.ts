import { ConfigError } from '@flowmap/core';
import { describeDataset } from '@flowmap/core/testing';
import { expect, test } from 'vitest';
import { imageDataset } from './image-dataset.js';

const pixels = Uint8Array.from({ length: 256 }, (_, i) => i); // four images of [1, 8, 8]
const data = imageDataset({ name: 'ramp', pixels, shape: [1, 8, 8], labels: [1, 0, 1, 0], classes: ['even', 'odd'] });

describeDataset('of images in memory', () => data);

test('bytes 0 … 255 become −1 … 1, each by p / 127.5 − 1', async () => {
  const { x, conditions } = await data.batch([0, 1, 2, 3]);
  expect(x).toEqual(Float32Array.from({ length: 256 }, (_, p) => p / 127.5 - 1));
  expect([x[0], x[255]]).toEqual([-1, 1]);
  expect(conditions).toEqual({ label: Int32Array.of(1, 0, 1, 0) });
});

test('a batch holds the images asked for', async () => {
  const { x, conditions } = await data.batch([3, 1, 3]);
  expect([0, 64, 128].map((at) => Math.round((x[at]! + 1) * 127.5))).toEqual([192, 64, 192]);
  expect(conditions).toEqual({ label: Int32Array.of(0, 0, 0) });
  expect(data).toMatchObject({ name: 'ramp', length: 4, shape: [1, 8, 8], classes: ['even', 'odd'] });
});

test('without classes there are no conditions', async () => {
  const unconditional = imageDataset({ name: 'plain', pixels, shape: [1, 8, 8] });
  expect((await unconditional.batch([0, 3])).conditions).toEqual({});
  expect(unconditional).toMatchObject({ classes: [], conditions: {} });
  expect(data.conditions).toEqual({ label: { shape: [], dtype: 'int32', categories: 2 } });
});

test('parts that do not belong together are refused', async () => {
  const options = { name: 'bad', pixels, shape: [1, 8, 8], classes: ['a', 'b'], labels: [0, 0, 0, 1] };
  const cases: [Partial<typeof options> & { labels?: number[] | undefined }, RegExp][] = [
    [{ shape: [2, 8, 8] }, /shape: wanted \[channels, height, width\] with 1 or 3 channels, got \[2, 8, 8\]/],
    [{ shape: [8, 8] }, /shape/],
    [{ shape: [1, 8, 0] }, /shape/],
    [{ shape: [1, 8, 9] }, /pixels: wanted one or more images of \[1, 8, 9\] = 72 bytes each, got 256 bytes/],
    [{ pixels: new Uint8Array(0) }, /pixels/],
    [{ labels: [0, 0, 0] }, /labels: wanted 4 numbers, one per image, got 3 numbers/],
    [{ labels: [0, 0, 2, 0] }, /labels\[2\]: wanted an integer from 0 to 1, got 2/],
  ];
  for (const [change, message] of cases) {
    expect(() => imageDataset({ ...options, ...change })).toThrow(ConfigError);
    expect(() => imageDataset({ ...options, ...change })).toThrow(message);
  }
  expect(() => imageDataset({ name: 'bad', pixels, shape: [1, 8, 8], classes: ['a'] })).toThrow(/labels: wanted/);
  await expect(data.batch([0, 4])).rejects.toThrow(
    /ramp\.batch\.indices\[1\]: wanted an integer from 0 to 3, for 4 samples, got 4/,
  );
});

test('a batch beyond what an array can hold is refused', async () => {
  const data = imageDataset({ name: 'large', pixels: new Uint8Array(3 * 2 ** 20), shape: [3, 1024, 1024] });
  await expect(data.batch(new Array(342).fill(0))).rejects.toThrow(
    'large.batch.indices: wanted at most 341 samples of 3145728 values at a time, got 342',
  );
});

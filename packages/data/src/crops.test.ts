import { describeDataset } from '@flowmap/core/testing';
import { expect, test } from 'vitest';
import { withCrops } from './crops.js';
import { imageDataset } from './image-dataset.js';
import { checkerboard } from './toys/checkerboard.js';

// Two images of [3, 3, 4]: pixel (channel, row, column) of the first is 12 channel + 4 row + column, of the second 100 more.
const pixels = Uint8Array.from({ length: 72 }, (_, i) => (i < 36 ? i : 64 + i));
const data = imageDataset({ name: 'ramp', pixels, shape: [3, 3, 4], labels: [0, 1], classes: ['a', 'b'] });

describeDataset('withCrops', () => withCrops(data, { size: [2, 3], crops: 4 }));

test('crops are windows of all channels, everywhere in the image and with its label', async () => {
  const cropped = withCrops(data, { size: [2, 3], crops: 64 });
  expect(cropped).toMatchObject({ name: 'ramp (64 crops of 2 x 3)', length: 128, shape: [3, 2, 3] });
  const { x, conditions } = await cropped.batch(Array.from({ length: 128 }, (_, index) => index));
  const seen = new Set<number>();
  for (let i = 0; i < 128; i++) {
    const values = Array.from(x.subarray(18 * i, 18 * (i + 1)), (value) => Math.round((value + 1) * 127.5));
    const corner = values[0]! - 100 * (i % 2);
    const window = [0, 1, 2, 4, 5, 6].map((place) => values[0]! + place);
    expect(values).toEqual([0, 12, 24].flatMap((channel) => window.map((value) => value + channel)));
    seen.add(corner);
  }
  expect([...seen].sort()).toEqual([0, 1, 4, 5]); // a crop can start in two rows and two columns
  expect(conditions['label']).toEqual(Int32Array.from({ length: 128 }, (_, i) => i % 2));
});

test('another seed has other crops, and another fingerprint', async () => {
  const [one, two] = [0, 1].map((seed) => withCrops(data, { size: [1, 1], seed, crops: 8 }));
  const all = Array.from({ length: 16 }, (_, index) => index);
  expect((await one!.batch(all)).x).not.toEqual((await two!.batch(all)).x);
  expect(await one!.fingerprint!()).not.toBe(await two!.fingerprint!());
});

test('of the whole image there is one crop', async () => {
  expect((await withCrops(data, { size: [3, 4] }).batch([3])).x).toEqual((await data.batch([1])).x);
});

test.each([
  [{ size: [4, 4] }, 'withCrops.size: wanted at most 3 x 4, the size of the images, got 4 x 4'],
  [{ size: 2 }, 'withCrops.size: wanted [height, width], got 2; did you mean [2, 2]?'],
  [{ size: [2, 2], crops: 0 }, 'withCrops.crops: wanted an integer of at least 1, got 0'],
  [{ size: [2, 2], number: 3 }, 'number: is no option'],
])('%o is refused', (options, message) => {
  expect(() => withCrops(data, options as never)).toThrow(message);
});

test('crops are of images, finitely many', () => {
  expect(() => withCrops(checkerboard(), { size: [1, 1] })).toThrow(/withCrops\.shape: wanted \[channels/);
  expect(() => withCrops({ ...data, length: Infinity }, { size: [1, 1] })).toThrow('wanted of finite length');
});

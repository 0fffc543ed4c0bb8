import { ConfigError } from '@flowmap/core';
import { describeDataset } from '@flowmap/core/testing';
import { describe, expect, test } from 'vitest';
import { balanced } from './balanced.js';
import { imageDataset, type LabelledDataset } from './image-dataset.js';

/** Seven images of one pixel, image i of value i: five of class a, two of class b. */
const uneven = (): LabelledDataset =>
  imageDataset({
    name: 'uneven',
    pixels: Uint8Array.from({ length: 7 }, (_, i) => i),
    shape: [1, 1, 1],
    labels: [0, 1, 0, 0, 1, 0, 0],
    classes: ['a', 'b'],
  });

describeDataset('balanced', () => Promise.resolve(balanced(uneven())));

describe('balanced', () => {
  test('each image of the largest class once, and those of the other in turn', async () => {
    const data = balanced(uneven());
    expect(data).toMatchObject({ length: 10, name: 'uneven (balanced)', shape: [1, 1, 1], classes: ['a', 'b'] });
    const { x, conditions } = await data.batch(Array.from({ length: 10 }, (_, i) => i));
    expect(Array.from(x, (value) => Math.round(127.5 * (value + 1)))).toEqual([0, 1, 2, 4, 3, 1, 5, 4, 6, 1]);
    expect([...conditions['label']!]).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    expect(data.labels).toEqual(conditions['label']);
    expect(await data.fingerprint!()).toBe(`${await uneven().fingerprint!()}, balanced`);
  });

  test('refuses data without classes, and a class without samples', () => {
    const pixels = new Uint8Array(2);
    const plain = imageDataset({ name: 'plain', pixels, shape: [1, 1, 1] });
    expect(() => balanced(plain)).toThrow(ConfigError);
    const one = imageDataset({ name: 'one', pixels, shape: [1, 1, 1], labels: [0, 0], classes: ['a', 'b'] });
    expect(() => balanced(one)).toThrow(`'one' has no sample of class 'b'`);
  });
});

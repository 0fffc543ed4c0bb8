import { imageDataset } from '@flowmap/data';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DataError, SampleError } from '../errors.js';
import type { Batch, Dataset } from '../plugins.js';
import { loader } from './loader.js';

/** Ten images of [3, 2, 4] in three classes. */
const images = imageDataset({
  name: 'photos',
  pixels: Uint8Array.from({ length: 240 }, (_, i) => i),
  shape: [3, 2, 4],
  labels: Array.from({ length: 10 }, (_, i) => i % 3),
  classes: ['ant', 'bee', 'cat'],
});

/** The dataset with one sample spoiled. */
function spoiled(dataset: Dataset, sample: number, spoil: (batch: Batch, place: number) => void): Dataset {
  return {
    ...dataset,
    async batch(indices) {
      const batch = await dataset.batch(indices);
      const place = Array.from(indices).indexOf(sample);
      if (place >= 0) spoil(batch, place);
      return batch;
    },
  };
}

const withLabel = (dataset: Dataset, sample: number, label: number): Dataset =>
  spoiled(dataset, sample, ({ labels }, place) => (labels[place] = label));
const withValue = (dataset: Dataset, sample: number, offset: number, value: number): Dataset =>
  spoiled(dataset, sample, ({ x, labels }, place) => (x[(place * x.length) / labels.length + offset] = value));

/** What a loader says of the steps of one epoch; undefined where it has nothing against one. */
async function complaints(dataset: Dataset, flip = false): Promise<(Error | undefined)[]> {
  const batches = loader(dataset, { batchSize: 5, seed: 0, flip });
  const complaint = (step: number): Promise<Error | undefined> =>
    batches.batch(step).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
  return [await complaint(0), await complaint(1)];
}

/** The only complaint of an epoch. */
async function complaintOf(dataset: Dataset, flip = false): Promise<Error> {
  const [only, ...more] = (await complaints(dataset, flip)).filter((error) => error !== undefined);
  expect(more).toEqual([]);
  return only!;
}

describe('the loader', () => {
  test('hands out what is as it should be', async () => {
    expect(await complaints(images)).toEqual([undefined, undefined]);
    expect(await complaints(images, true)).toEqual([undefined, undefined]);
  });

  test('names the sample whose label is none of the classes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(9), fc.oneof(fc.integer({ min: 3 }), fc.integer({ max: -1 })), async (sample, label) => {
        const error = await complaintOf(withLabel(images, sample, label));
        expect(error).toBeInstanceOf(SampleError);
        expect(error).toMatchObject({ path: 'photos', dataset: 'photos', sample, value: label });
        expect(error.message).toBe(
          `photos: sample ${sample} (counted from 0) has the label ${label}, but the dataset has 3 classes: wanted a ` +
            `label from 0 to 2. Correct the label, or name all classes`,
        );
      }),
    );
  });

  test('wants the label 0 when there are no classes', async () => {
    const plain = imageDataset({ name: 'plain', pixels: new Uint8Array(240), shape: [3, 2, 4] });
    expect((await complaintOf(withLabel(plain, 4, 1))).message).toContain(
      'plain: sample 4 (counted from 0) has the label 1, but the dataset has no classes: wanted the label 0',
    );
  });

  test('wants whole numbers as labels', async () => {
    const halves: Dataset = {
      ...images,
      batch: async (indices) => ({
        ...(await images.batch(indices)),
        labels: Float32Array.from(indices, (index) => (index === 7 ? 0.5 : 0)) as unknown as Int32Array,
      }),
    };
    expect(await complaintOf(halves)).toMatchObject({ sample: 7, value: 0.5 });
  });

  test('names the sample, the place and the value of a NaN or an infinity', async () => {
    const place = fc.record({ channel: fc.nat(2), row: fc.nat(1), column: fc.nat(3) });
    const values = fc.constantFrom(NaN, Infinity, -Infinity);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(9),
        place,
        values,
        fc.boolean(),
        async (sample, { channel, row, column }, value, flip) => {
          const error = await complaintOf(withValue(images, sample, 8 * channel + 4 * row + column, value), flip);
          expect(error).toBeInstanceOf(SampleError);
          expect(error).toMatchObject({ sample, value });
          expect(error.message).toBe(
            `photos: sample ${sample} has the value ${value} at channel ${channel}, row ${row}, column ${column} ` +
              `(all counted from 0). The data is at fault, not the learning rate: mend this sample or leave it out`,
          );
        },
      ),
    );
  });

  test('says where in samples of other shapes', async () => {
    const of = (shape: readonly number[], offset: number): Promise<Error> => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      const batch = (indices: ArrayLike<number>): Promise<Batch> =>
        Promise.resolve({ x: new Float32Array(indices.length * size), labels: new Int32Array(indices.length) });
      return complaintOf(withValue({ name: 'numbers', length: 10, shape, classes: [], batch }, 3, offset, NaN));
    };
    expect((await of([2], 1)).message).toContain('sample 3 has the value NaN at coordinate 1 (');
    expect((await of([2, 3], 4)).message).toContain('sample 3 has the value NaN at [1, 1] (');
    expect((await of([2, 2, 2, 3], 23)).message).toContain('sample 3 has the value NaN at [1, 1, 1, 2] (');
  });

  test.each([
    ['values', { x: new Float32Array(24), labels: new Int32Array(5) }, '24 values and 5 labels'],
    ['labels', { x: new Float32Array(120), labels: new Int32Array(4) }, '120 values and 4 labels'],
    ['samples', { x: new Float32Array(144), labels: new Int32Array(6) }, '144 values and 6 labels'],
  ])('wants as many %s as it asked for', async (_, batch, got) => {
    const [error] = await complaints({ ...images, batch: () => Promise.resolve(batch) });
    expect(error).toBeInstanceOf(DataError);
    expect(error!.message).toBe(
      `photos: wanted 120 values and 5 labels for 5 samples of [3, 2, 4], its batch has ${got}`,
    );
  });

  test('reports a bad sample to whoever asks for its step, and not before', async () => {
    const order: number[] = [];
    const watched: Dataset = {
      ...images,
      batch(indices) {
        order.push(...Array.from(indices));
        return images.batch(indices);
      },
    };
    await complaints(watched);
    const bad = order[7]!;
    const batches = loader(withValue(images, bad, 0, NaN), { batchSize: 5, seed: 0 });
    await batches.batch(0); // reads step 1 ahead
    await expect(batches.batch(1)).rejects.toMatchObject({ name: 'SampleError', sample: bad });
  });
});

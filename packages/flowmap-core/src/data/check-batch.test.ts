import { imageDataset } from '@flowmap/data';
import { sizeOf, type HostData } from '@flowmap/tensor';
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
  spoiled(dataset, sample, ({ conditions }, place) => (conditions['label']![place] = label));
const withValue = (dataset: Dataset, sample: number, offset: number, value: number): Dataset =>
  spoiled(dataset, sample, ({ x }, place) => (x[place * sizeOf(dataset.shape) + offset] = value));

/** The errors that a loader throws for the steps of one epoch; undefined for steps without one. */
async function complaints(dataset: Dataset, flip = false): Promise<(Error | undefined)[]> {
  const batches = loader(dataset, { batchSize: 5, seed: 0, flip });
  const complaint = (step: number): Promise<Error | undefined> =>
    batches.batch(step).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
  return [await complaint(0), await complaint(1)];
}

/** The only error in an epoch. */
async function complaintOf(dataset: Dataset, flip = false): Promise<Error> {
  const [only, ...more] = (await complaints(dataset, flip)).filter((error) => error !== undefined);
  expect(more).toEqual([]);
  return only!;
}

describe('the loader', () => {
  test('hands out valid batches', async () => {
    expect(await complaints(images)).toEqual([undefined, undefined]);
    expect(await complaints(images, true)).toEqual([undefined, undefined]);
  });

  test('names the sample whose label is not a class', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(9), fc.oneof(fc.integer({ min: 3 }), fc.integer({ max: -1 })), async (sample, label) => {
        const error = await complaintOf(withLabel(images, sample, label));
        expect(error).toBeInstanceOf(SampleError);
        expect(error).toMatchObject({ path: 'photos', dataset: 'photos', sample, value: label });
        expect(error.message).toBe(
          `photos: sample ${sample} (counted from 0) has the label ${label}, but the dataset has 3 of them: wanted a whole ` +
            `number from 0 to 2. Correct the label, or declare more categories`,
        );
      }),
    );
  });

  /** The images with a condition `size` of two numbers each, as given. */
  const sized = (sizes: (indices: ArrayLike<number>) => HostData): Dataset => ({
    ...images,
    conditions: { size: { shape: [2], dtype: 'float32' } },
    batch: async (indices) => ({ x: (await images.batch(indices)).x, conditions: { size: sizes(indices) } }),
  });

  test('names the sample of a condition that is not finite', async () => {
    const sizes = (bad: number) =>
      sized((indices) =>
        Float32Array.from({ length: 2 * indices.length }, (_, i) => (indices[i >> 1] === bad ? NaN : 1)),
      );
    expect(await complaints(sizes(-1))).toEqual([undefined, undefined]);
    const error = await complaintOf(sizes(7));
    expect(error).toMatchObject({ name: 'SampleError', sample: 7, value: NaN });
    expect(error.message).toContain('has the size NaN: wanted a finite number. Mend this sample or leave it out');
  });

  test.each<[string, Dataset, string]>([
    [
      'a type of their own',
      sized(({ length }) => new Int32Array(2 * length)),
      'the size of its batch: wanted float32, got Int32Array',
    ],
    [
      'a row for each sample',
      sized(() => new Float32Array(7)),
      'the size of its batch: wanted 10 values for 5 samples of 2, got 7',
    ],
    [
      'all that the dataset declares',
      { ...sized(() => new Float32Array(0)), batch: async (i) => ({ ...(await images.batch(i)), conditions: {} }) },
      'the size of its batch: wanted float32 [2] for each of 5 samples, got none',
    ],
    ['nothing else', { ...images, conditions: {} }, "its batch has a 'label', which it does not declare"],
  ])('wants of conditions %s', async (_, dataset, message) => {
    const [error] = await complaints(dataset);
    expect(error).toBeInstanceOf(DataError);
    expect(error!.message).toBe(`photos: ${message}`);
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

  test('gives the place in samples of other shapes', async () => {
    const of = (shape: readonly number[], offset: number): Promise<Error> => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      const batch = (indices: ArrayLike<number>): Promise<Batch> =>
        Promise.resolve({ x: new Float32Array(indices.length * size), conditions: {} });
      const data = { name: 'numbers', length: 10, shape, classes: [], conditions: {}, batch };
      return complaintOf(withValue(data, 3, offset, NaN));
    };
    expect((await of([2], 1)).message).toContain('sample 3 has the value NaN at coordinate 1 (');
    expect((await of([2, 3], 4)).message).toContain('sample 3 has the value NaN at [1, 1] (');
    expect((await of([2, 2, 2, 3], 23)).message).toContain('sample 3 has the value NaN at [1, 1, 1, 2] (');
  });

  test('requires as many values as it asked for', async () => {
    const batch = { x: new Float32Array(24), conditions: { label: new Int32Array(5) } };
    const [error] = await complaints({ ...images, batch: () => Promise.resolve(batch) });
    expect(error).toBeInstanceOf(DataError);
    expect(error!.message).toBe('photos: wanted 120 values for 5 samples of [3, 2, 4], its batch has 24 values');
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

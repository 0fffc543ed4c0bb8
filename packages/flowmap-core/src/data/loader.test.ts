import { checkerboard, imageDataset, withFlips } from '@flowmap/data';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { ConfigError } from '../errors.js';
import type { Batch, Dataset } from '../plugins.js';
import { loader } from './loader.js';
import { permutation } from './order.js';

/** A dataset whose sample i is the number i. */
function numbers(length: number): Dataset {
  return {
    name: 'numbers',
    length,
    shape: [1],
    classes: [],
    conditions: {},
    batch: async (indices) => Promise.resolve({ x: Float32Array.from(indices), conditions: {} }),
  };
}

/** The first `count` samples of the stream, read step after step. */
async function stream(dataset: Dataset, batchSize: number, seed: number, count: number): Promise<number[]> {
  const batches = loader(dataset, { batchSize, seed });
  const values: number[] = [];
  for (let step = 0; values.length < count; step++) values.push(...(await batches.batch(step)).x);
  return values.slice(0, count);
}

const lengths = fc.integer({ min: 1, max: 40 });
const batchSizes = fc.integer({ min: 1, max: 60 });

test('each epoch visits each sample once', async () => {
  await fc.assert(
    fc.asyncProperty(lengths, batchSizes, fc.nat(), async (length, batchSize, seed) => {
      const values = await stream(numbers(length), batchSize, seed, 3 * length);
      for (let epoch = 0; epoch < 3; epoch++) {
        const visited = values.slice(epoch * length, (epoch + 1) * length).sort((a, b) => a - b);
        expect(visited).toEqual(Array.from({ length }, (_, i) => i));
      }
    }),
  );
});

test('the stream does not depend on the batch size', async () => {
  await fc.assert(
    fc.asyncProperty(lengths, batchSizes, batchSizes, fc.nat(), async (length, one, other, seed) => {
      const data = numbers(length);
      expect(await stream(data, one, seed, 100)).toEqual(await stream(data, other, seed, 100));
    }),
  );
});

test('steps read in any order, twice, or by a new loader are the steps read in sequence', async () => {
  await fc.assert(
    fc.asyncProperty(
      lengths,
      batchSizes,
      fc.nat(),
      fc.array(fc.nat(30), { minLength: 1, maxLength: 20 }),
      async (length, batchSize, seed, steps) => {
        const data = numbers(length);
        const expected = await stream(data, batchSize, seed, 31 * batchSize);
        const batches = loader(data, { batchSize, seed });
        const concurrent = await Promise.all(steps.map((step) => loader(data, { batchSize, seed }).batch(step)));
        for (const [i, step] of steps.entries()) {
          const wanted = expected.slice(step * batchSize, (step + 1) * batchSize);
          expect([...(await batches.batch(step)).x]).toEqual(wanted);
          expect([...concurrent[i]!.x]).toEqual(wanted);
        }
      },
    ),
  );
});

test('concurrent calls on one loader each get their own step', async () => {
  const batches = loader(numbers(10), { batchSize: 3, seed: 4 });
  const together = await Promise.all([2, 0, 1, 1].map((step) => batches.batch(step)));
  const expected = await stream(numbers(10), 3, 4, 9);
  expect(together.flatMap(({ x }) => [...x])).toEqual([2, 0, 1, 1].flatMap((s) => expected.slice(3 * s, 3 * s + 3)));
});

test('each epoch and seed has its own order', async () => {
  const values = await stream(numbers(50), 10, 0, 100);
  expect(values.slice(0, 50)).not.toEqual(values.slice(50));
  expect(values.slice(0, 50)).not.toEqual(await stream(numbers(50), 10, 1, 50));
  expect(values.slice(0, 50)).not.toEqual(Array.from({ length: 50 }, (_, i) => i));
});

test('every permutation is equally likely', () => {
  const counts = new Map<string, number>();
  for (let epoch = 0; epoch < 6000; epoch++) {
    const order = permutation(3, 9, epoch).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  // 1000 of each expected, standard deviation 29
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test('a distribution is drawn from in order: position p is draw p', async () => {
  const board = checkerboard({ seed: 2 });
  const batches = loader(board, { batchSize: 5, seed: 0 });
  expect(await batches.batch(3)).toEqual(await board.batch([15, 16, 17, 18, 19]));
});

/**
 * The numbers 0 … 9, with a record of every index read; reading an index in `failing` fails until it is removed from
 * the set.
 */
function watched(failing: Set<number>): { dataset: Dataset; reads: number[][] } {
  const reads: number[][] = [];
  const base = numbers(10);
  const batch = async (indices: ArrayLike<number>): Promise<Batch> => {
    const wanted = Array.from(indices);
    reads.push(wanted);
    const bad = wanted.find((index) => failing.has(index));
    if (bad !== undefined) throw new Error(`sample ${bad} cannot be read`);
    return base.batch(wanted);
  };
  return { dataset: { ...base, batch }, reads };
}

test('the next step is read ahead, and only once', async () => {
  const { dataset, reads } = watched(new Set());
  const batches = loader(dataset, { batchSize: 5, seed: 0 });
  expect(reads.length).toBe(0);
  await batches.batch(0);
  expect(reads.length).toBe(2);
  const second = await batches.batch(1);
  expect([...second.x]).toEqual(reads[1]);
  expect(reads.length).toBe(3);
});

test('a failed read-ahead is reported to whoever asks for that step, and retried', async () => {
  const failing = new Set<number>();
  const { dataset } = watched(failing);
  const batches = loader(dataset, { batchSize: 5, seed: 0 });
  const order = await stream(numbers(10), 5, 0, 10);
  failing.add(order[7]!);
  const unhandled = vi.fn();
  process.once('unhandledRejection', unhandled);
  await batches.batch(0); // step 1 now fails in the background
  await new Promise(setImmediate); // by now Node has reported unhandled rejections
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
  await expect(batches.batch(1)).rejects.toThrow(`sample ${order[7]!} cannot be read`);
  failing.clear();
  expect([...(await batches.batch(1)).x]).toEqual(order.slice(5));
});

test('flip mirrors about half of the images, by position and not by batch size', async () => {
  const pixels = Uint8Array.from({ length: 4 * 3 * 2 * 3 }, (_, i) => i);
  const data = imageDataset({ name: 'ramp', pixels, shape: [3, 2, 3] });
  const mirrors = withFlips(data);
  const plain = loader(data, { batchSize: 8, seed: 6 });
  const flipped = loader(data, { batchSize: 8, seed: 6, flip: true });
  const small = loader(data, { batchSize: 1, seed: 6, flip: true });
  const images = await mirrors.batch([0, 1, 2, 3, 4, 5, 6, 7]);
  const which = (x: Float32Array, i: number): number => {
    const image = x.slice(i * 18, (i + 1) * 18).join();
    return Array.from({ length: 8 }, (_, k) => images.x.slice(k * 18, (k + 1) * 18).join()).indexOf(image);
  };
  let mirrored = 0;
  for (let step = 0; step < 50; step++) {
    const [a, b] = [await plain.batch(step), await flipped.batch(step)];
    for (let i = 0; i < 8; i++) {
      expect(which(b.x, i) % 4).toBe(which(a.x, i));
      if (which(b.x, i) >= 4) mirrored++;
      if (step < 3) expect(which((await small.batch(8 * step + i)).x, 0)).toBe(which(b.x, i));
    }
  }
  expect(Math.abs(mirrored - 200)).toBeLessThan(50); // standard deviation 10
});

test('options and steps out of range are refused', async () => {
  const data = numbers(3);
  const cases: [() => unknown, RegExp][] = [
    [() => loader(data, { batchSize: 0, seed: 0 }), /loader\.batchSize: wanted a whole number >= 1, got 0/],
    [() => loader(data, { batchSize: 2.5, seed: 0 }), /loader\.batchSize/],
    [() => loader(data, { batchSize: 1, seed: -1 }), /loader\.seed/],
    [() => loader(numbers(0), { batchSize: 1, seed: 0 }), /loader\.dataset: 'numbers' has no samples/],
    [() => loader(data, { batchSize: 1, seed: 0, flip: true }), /flip: wanted images/],
  ];
  for (const [call, message] of cases) {
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(message);
  }
  await expect(loader(data, { batchSize: 1, seed: 0 }).batch(-1)).rejects.toThrow(/loader\.batch\.step/);
});

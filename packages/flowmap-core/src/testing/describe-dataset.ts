import { FlowmapError, requireKnownOptions, sizeOf } from '@flowmap/tensor';
import { expect } from 'vitest';
import { checkBatch } from '../data/check-batch.js';
import { classCount } from '../conditions.js';
import type { Batch, Dataset } from '../plugins.js';
import { describeChecks, type Check } from './check.js';

/** How a dataset is checked. */
export interface DatasetContract {
  /** Number of draws for the statistics of an endless dataset; 4096 unless given. */
  readonly draws?: number;
}

/**
 * The contract of a dataset, as vitest tests: index i always gives the same sample, alone or with others; samples are
 * what the dataset promises; arrays belong to the caller; wrong indices are refused and named; and the draws of an
 * endless dataset are independent of each other.
 *
 * @param name title of the suite
 * @param make makes the dataset, preferably a small one
 *
 * @example
 * describeDataset('two moons', () => twoMoons({ seed: 1 }));
 */
export function describeDataset(
  name: string,
  make: () => Dataset | Promise<Dataset>,
  contract: DatasetContract = {},
): void {
  describeChecks(`dataset ${name}`, datasetChecks(make, contract));
}

/** The checks of {@link describeDataset}, as functions that throw. */
export function datasetChecks(make: () => Dataset | Promise<Dataset>, options: DatasetContract = {}): Check[] {
  requireKnownOptions('datasetChecks', options, { draws: true });
  const { draws = 4096 } = options;
  let shared: Promise<Dataset> | undefined;
  const dataset = (): Promise<Dataset> => (shared ??= Promise.resolve(make()));

  return [
    {
      title: 'says what it is: a name, a length, the shape of a sample, names of classes',
      async run() {
        const { name, length, shape, classes, conditions } = await dataset();
        expect(name).not.toBe('');
        if (length !== Infinity) expectWhole(length);
        shape.forEach(expectWhole);
        expect(classes.every((own) => typeof own === 'string')).toBe(true);
        expect(classCount({ conditions })).toBe(classes.length);
      },
    },
    {
      title: 'gives finite values of its shape, and the conditions that it declares',
      async run() {
        const data = await dataset();
        for (const indices of [indicesOf(data), indicesOf(data).slice(0, 1), []]) {
          const batch = await data.batch(indices);
          expect(batch.x).toBeInstanceOf(Float32Array);
          expect(Object.keys(batch.conditions).sort()).toEqual(Object.keys(data.conditions).sort());
          checkBatch(data, indices, batch);
        }
      },
    },
    {
      title: 'gives the same batch for the same indices, also when it is made anew',
      async run() {
        const [data, again] = [await dataset(), await make()];
        const indices = indicesOf(data);
        const batch = await data.batch(indices);
        expectSame(await data.batch(indices), batch);
        expectSame(await again.batch(indices), batch);
        expect({
          length: again.length,
          shape: again.shape,
          classes: again.classes,
          conditions: again.conditions,
        }).toEqual({
          length: data.length,
          shape: data.shape,
          classes: data.classes,
          conditions: data.conditions,
        });
      },
    },
    {
      title: 'gives index i the same sample alone and in a batch, in any order, as often as it is asked for',
      async run() {
        const data = await dataset();
        const indices = indicesOf(data);
        const alone: Batch[] = [];
        for (const index of indices) alone.push(await data.batch([index]));
        const places = [...indices.keys()];
        for (const order of [places, places.toReversed(), [...places, ...places], places.map(() => 0)]) {
          const batch = await data.batch(order.map((place) => indices[place]!));
          expectSame(batch, joined(order.map((place) => alone[place]!)));
        }
      },
    },
    {
      title: 'takes indices as any list of numbers, and leaves it as it is',
      async run() {
        const data = await dataset();
        const indices = indicesOf(data);
        const batch = await data.batch(indices);
        const typed = Float64Array.from(indices);
        expectSame(await data.batch(typed), batch);
        expect([...typed]).toEqual(indices);
        expectSame(await data.batch(Object.freeze([...indices])), batch);
      },
    },
    {
      title: "gives arrays that are the caller's: what becomes of them changes no other batch",
      async run() {
        const data = await dataset();
        const indices = indicesOf(data);
        const [kept, spoiled] = [await data.batch(indices), await data.batch(indices)];
        const copy = structuredClone(kept);
        spoiled.x.fill(NaN);
        for (const rows of Object.values(spoiled.conditions)) rows.fill(1);
        expectSame(kept, copy);
        expectSame(await data.batch(indices), copy);
      },
    },
    {
      title: 'answers calls that overlap as if they came one after the other',
      async run() {
        const data = await dataset();
        const indices = indicesOf(data);
        const lists = [indices, indices.toReversed(), indices.slice(0, 1), indices];
        const wanted: Batch[] = [];
        for (const list of lists) wanted.push(await data.batch(list));
        const got = await Promise.all(lists.map((list) => data.batch(list)));
        got.forEach((batch, i) => expectSame(batch, wanted[i]!));
      },
    },
    {
      title: 'refuses an index that it does not have, naming it and the length',
      async run() {
        const data = await dataset();
        const { length } = data;
        const beyond = Number.isFinite(length) ? [length, length + 7] : [];
        for (const index of [-1, 0.5, NaN, Infinity, ...beyond]) {
          const error = await data.batch([0, index]).then(
            () => undefined,
            (reason: unknown) => reason,
          );
          expect(error, `what index ${String(index)} gets`).toBeInstanceOf(FlowmapError);
          const numbers = numbersOf((error as FlowmapError).message);
          expect(numbers).toContain(String(index));
          if (Number.isFinite(length)) expect(numbers).toContain(String(length));
        }
        expectSame(await data.batch([0]), await data.batch([0]));
      },
    },
    {
      title: 'draws for ever, each draw for itself (an endless dataset)',
      async run() {
        const data = await dataset();
        if (data.length !== Infinity) return;
        await expectIndependentDraws(data, draws);
      },
    },
  ];
}

/**
 * Indices to check: both ends and some in between, in no particular order, and for endless datasets some of more than
 * 32 bits.
 */
function indicesOf({ length }: Dataset): number[] {
  if (length === Infinity) return [7, 0, 2 ** 32 + 7, 1, 1000, 2 ** 40];
  const spread = [0.5, 0, 0.99, 0.2, 1].map((share) => Math.round(share * (length - 1)));
  return [...new Set(spread)];
}

function expectSame(got: Batch, wanted: Batch): void {
  expect(sameNumbers(got.x, wanted.x), 'same values').toBe(true);
  expect(got.conditions).toEqual(wanted.conditions);
}

/** Like toEqual, but fast for images. */
function sameNumbers(got: Float32Array, wanted: Float32Array): boolean {
  return got.length === wanted.length && got.every((value, i) => Object.is(value, wanted[i]));
}

function joined(batches: readonly Batch[]): Batch {
  const conditions = Object.entries(batches[0]!.conditions).map(([name, rows]) => {
    const values = batches.flatMap((batch) => [...batch.conditions[name]!]);
    return [name, new (rows.constructor as new (values: number[]) => typeof rows)(values)] as const;
  });
  return {
    x: Float32Array.from(batches.flatMap(({ x }) => [...x])),
    conditions: Object.fromEntries(conditions),
  };
}

function expectWhole(value: number): void {
  expect(Number.isSafeInteger(value) && value > 0, `${String(value)} is a whole number > 0`).toBe(true);
}

/** The numbers in a message. */
function numbersOf(message: string): string[] {
  return message.match(/-?(\d+(\.\d+)?|Infinity)|NaN/g) ?? [];
}

/**
 * Checks what must hold for independent draws from any one distribution; bounds of six standard errors never fail by
 * chance.
 */
async function expectIndependentDraws(data: Dataset, count: number): Promise<void> {
  const size = sizeOf(data.shape);
  const block = async (first: number, length: number): Promise<Float32Array> =>
    (await data.batch(Array.from({ length }, (_, i) => first + i))).x;

  const start = await block(0, 64);
  for (const first of [64, 2 ** 16, 2 ** 32, 2 ** 33]) {
    expect(sameNumbers(await block(first, 64), start), `draws ${first} and on are other draws`).toBe(false);
  }

  const x = await block(0, count);
  for (let k = 0; k < Math.min(size, 16); k++) {
    const values = Array.from({ length: count }, (_, i) => x[i * size + k]!);
    const half = Math.floor(count / 2);
    const [early, late] = [moments(values.slice(0, half)), moments(values.slice(half))];
    const { mean, variance } = moments(values);
    const error = Math.sqrt((early.variance + late.variance) / half);
    expect(Math.abs(early.mean - late.mean), `value ${k}: means of both halves`).toBeLessThanOrEqual(6 * error);
    if (variance === 0) continue;
    for (const lag of [1, 2, 64]) {
      let covariance = 0;
      for (let i = lag; i < count; i++) covariance += ((values[i]! - mean) * (values[i - lag]! - mean)) / count;
      const title = `value ${k}: correlation of draws ${lag} apart`;
      expect(Math.abs(covariance / variance), title).toBeLessThan(6 / Math.sqrt(count));
    }
  }
}

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
}

import { describe, expect, it } from 'vitest';
import { uniforms } from '@flowmap/tensor';
import { ConfigError } from '../errors.js';
import { classConditions } from '../conditions.js';
import { matchClasses } from '../data/match-classes.js';
import { mlp } from '../networks/mlp.js';
import type { Batch, Dataset } from '../plugins.js';
import { failedChecks } from './check.js';
import { datasetChecks, describeDataset } from './describe-dataset.js';

const LENGTH = 10;

function requireIndices(indices: ArrayLike<number>, length: number): void {
  const wrong = Array.from(indices).find((index) => !Number.isSafeInteger(index) || index < 0 || index >= length);
  if (wrong !== undefined) throw new ConfigError('numbers.batch', `wanted an index below ${length}, got ${wrong}`);
}

/** A batch of a dataset with classes, with direct access to its labels. */
interface Labelled {
  readonly x: Float32Array;
  readonly labels: Int32Array;
}
const batchOf = ({ x, labels }: Labelled): Batch => ({ x, conditions: { label: labels } });
const labelled = ({ x, conditions }: Batch): Labelled => ({ x, labels: conditions['label'] as Int32Array });

/** Sample i is the pair (i, -i), and its class is its parity. */
const numbers = (changes: Partial<Dataset> = {}): Dataset => ({
  name: 'numbers',
  length: LENGTH,
  shape: [2],
  classes: ['even', 'odd'],
  conditions: classConditions(2),
  async batch(indices) {
    await Promise.resolve();
    requireIndices(indices, LENGTH);
    return batchOf({
      x: Float32Array.from(Array.from(indices).flatMap((index) => [index, -index])),
      labels: Int32Array.from(indices, (index) => index % 2),
    });
  },
  ...changes,
});

/** Draw i is the number `value(i)`. */
const endless = (value: (index: number) => number): Dataset => ({
  name: 'draws',
  length: Infinity,
  shape: [1],
  classes: [],
  conditions: {},
  async batch(indices) {
    await Promise.resolve();
    requireIndices(indices, Infinity);
    return { x: Float32Array.from(indices, value), conditions: {} };
  },
});
const uniform = (index: number): number =>
  uniforms({ seed: 0, purpose: 'draw', step: Math.floor(index / 2 ** 32), sample: index % 2 ** 32 }, 1)[0]!;

const network = mlp({ shape: [2], classes: 2 });
const teacher = { kind: 'velocity', network, params: network.init(0), classes: ['odd', 'even'] } as const;

describeDataset('numbers', () => numbers());
describeDataset('one number', () => numbers({ length: 1, batch: oneNumber }));
describeDataset('numbers with the classes of a teacher', () => matchClasses(numbers(), teacher).data);
describeDataset('draws', () => endless(uniform));
describeDataset('draws of a coin', () => endless((index) => Math.round(uniform(index))));

async function oneNumber(indices: ArrayLike<number>): Promise<Batch> {
  await Promise.resolve();
  requireIndices(indices, 1);
  return batchOf({ x: new Float32Array(2 * indices.length), labels: new Int32Array(indices.length) });
}

describe('the contract of datasets', () => {
  /** Titles of the checks that fail, shortened to their first words. */
  const failures = async (make: () => Dataset): Promise<string[]> =>
    (await failedChecks(datasetChecks(make))).map((title) => title.split(' ').slice(0, 3).join(' '));
  /** The checks that fail when the batches of the numbers are changed. */
  const changed = (change: (batch: Labelled, indices: number[]) => Labelled): Promise<string[]> =>
    failures(() =>
      numbers({
        batch: async (indices) => batchOf(change(labelled(await numbers().batch(indices)), Array.from(indices))),
      }),
    );

  it('accepts a correct dataset', async () => {
    expect(await failures(numbers)).toEqual([]);
  });

  it('refuses a dataset without a name, a whole length or a shape of samples', async () => {
    const title = 'says what it';
    expect(await failures(() => numbers({ name: '' }))).toEqual([title]);
    expect(await failures(() => numbers({ length: 0 }))).toContain(title);
    expect(await failures(() => numbers({ shape: [2, 0] }))).toContain(title);
  });

  it('refuses values, labels and numbers of samples that were not promised', async () => {
    const title = 'gives finite values';
    expect(await changed(({ x, labels }) => ({ x: x.map((value) => value / 0), labels }))).toContain(title);
    expect(await changed(({ x, labels }) => ({ x, labels: labels.map(() => 2) }))).toEqual([title]);
    expect(await changed(({ x, labels }) => ({ x: x.slice(1), labels }))).toContain(title);
    const doubles = ({ x, labels }: Labelled): Labelled => ({
      x: Float64Array.from(x) as unknown as Float32Array,
      labels,
    });
    expect(await changed(doubles)).toEqual([title]);
  });

  it('refuses samples that change from call to call', async () => {
    let calls = 0;
    expect(await changed(({ x, labels }) => ({ x: x.map((value) => value + calls++), labels }))).toContain(
      'gives the same',
    );
  });

  it('refuses samples that depend on the others in the batch', async () => {
    const title = 'gives index i';
    const centred = ({ x, labels }: Labelled): Labelled => {
      const mean = x.reduce((sum, value) => sum + Math.abs(value), 0) / Math.max(x.length, 1);
      return { x: x.map((value) => value - mean), labels };
    };
    expect(await changed(centred)).toEqual([title]);
    expect(await changed(({ x, labels }) => ({ x, labels: labels.map((_, i) => i % 2) }))).toEqual([title]);
    const once = ({ x, labels }: Labelled, indices: number[]): Labelled => ({
      x: x.map((value, k) => (indices.indexOf(indices[k >> 1]!) < k >> 1 ? 0 : value)),
      labels,
    });
    expect(await changed(once)).toEqual([title]);
  });

  it('refuses a dataset that changes the list of indices', async () => {
    const sorting = numbers({
      async batch(indices) {
        const batch = await numbers().batch(indices);
        (indices as Float64Array).fill(0);
        return batch;
      },
    });
    expect(await failures(() => sorting)).toContain('takes indices as');
  });

  it('refuses arrays that the dataset keeps using', async () => {
    const kept = new Map<string, Promise<Batch>>();
    const caching = numbers({
      batch(indices) {
        const key = Array.from(indices).join();
        const batch = kept.get(key) ?? numbers().batch(indices);
        kept.set(key, batch);
        return batch;
      },
    });
    expect(await failures(() => caching)).toContain('gives arrays that');
  });

  it('refuses calls that disturb each other', async () => {
    let current: ArrayLike<number> = [];
    const disturbed = numbers({
      async batch(indices) {
        current = indices;
        await Promise.resolve();
        return numbers().batch(current);
      },
    });
    expect(await failures(() => disturbed)).toEqual(['answers calls that']);
  });

  it('refuses a dataset that accepts wrong indices, or does not name them', async () => {
    const title = 'refuses an index';
    const wrapping = (indices: ArrayLike<number>): Promise<Batch> =>
      numbers().batch(Array.from(indices, (index) => Math.abs(Math.trunc(index || 0)) % LENGTH || 0));
    expect(await failures(() => numbers({ batch: wrapping }))).toEqual([title]);
    const throwing = (error: Error) => async (indices: ArrayLike<number>) => {
      const batch = await numbers()
        .batch(indices)
        .catch(() => undefined);
      if (batch === undefined) throw error;
      return batch;
    };
    expect(await failures(() => numbers({ batch: throwing(new RangeError('index -1 of 10')) }))).toEqual([title]);
    const vague = new ConfigError('numbers.batch', 'no such index');
    expect(await failures(() => numbers({ batch: throwing(vague) }))).toEqual([title]);
  });

  it('refuses draws that repeat, drift, or depend on earlier ones', async () => {
    const title = 'draws for ever,';
    expect(await failures(() => endless((index) => uniform(index % 64)))).toEqual([title]);
    expect(await failures(() => endless((index) => uniform(index % 2 ** 32)))).toEqual([title]);
    expect(await failures(() => endless((index) => uniform(index) + index / 10_000))).toEqual([title]);
    expect(await failures(() => endless((index) => uniform(index) + uniform(index + 1)))).toEqual([title]);
    expect(await failures(() => endless((index) => (index * 0.618) % 1))).toEqual([title]);
    expect(await failures(() => endless(() => 0))).toEqual([title]);
  });
});

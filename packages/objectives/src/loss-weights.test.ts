import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor } from '@flowmap/tensor';
import { evaluate } from '@flowmap/tensor/testing';
import { expect, test } from 'vitest';
import { ayfEmd } from './ayf-emd.js';
import { ayfLmd } from './ayf-lmd.js';
import { cosineWeight, lengthWeight, type LossWeight } from './loss-weights.js';

async function weights(loss: LossWeight, t: number[], s: number[]): Promise<number[]> {
  const times = [t, s].map((values) => hostTensor([values.length], Float64Array.from(values)));
  return [...(await evaluate(referenceRuntime(), (start, end) => loss.weight(start, end), times)).data];
}

test('lengthWeight is a power of the length, whichever end comes first', async () => {
  const times = [
    [0.75, 0.25, 1, 0.5],
    [0.25, 0.75, 0, 0.5],
  ] as const;
  const of = (power: number): Promise<number[]> => weights(lengthWeight({ power }), [...times[0]], [...times[1]]);
  expect(await of(2)).toEqual([0.25, 0.25, 1, 0]);
  expect(await of(1)).toEqual([0.5, 0.5, 1, 0]);
  // On the diagonal the power 1/2 of 1e-30 is 1e-15.
  (await of(0.5)).forEach((value, i) => expect(value).toBeCloseTo([Math.SQRT1_2, Math.SQRT1_2, 1, 0][i]!, 14));
  expect(lengthWeight().config).toEqual({ power: 2 });
  expect(() => lengthWeight({ power: 0 })).toThrow('lengthWeight.power: wanted a number > 0, got 0');
});

test('cosineWeight falls from noise to data', async () => {
  const [noise, middle, data] = await weights(cosineWeight(), [1, 0.5, 0], [0, 0.1, 0]);
  expect([noise, middle]).toEqual([1, Math.cos(Math.PI / 4)]);
  expect(data).toBeCloseTo(0, 15);
});

test('a weight is recorded, and none leaves the record as it was', () => {
  const weight = lengthWeight({ power: 1 });
  for (const make of [ayfEmd, ayfLmd]) {
    expect(make({ weight }).config).toEqual({ ...make().config, weight: 'length', 'weight.power': 1 });
    expect(make({ weight: cosineWeight() }).config).toEqual({ ...make().config, weight: 'cosine' });
  }
});

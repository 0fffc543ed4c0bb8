import { referenceRuntime } from '@flowmap/runtime-reference';
import { hostTensor } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { gaussian, goldenSamples } from '../__fixtures__/samples.js';
import { FeatureError, TooFewSamplesError } from '../errors.js';
import { features, type Features } from '../features.js';
import { neighbourRadii } from '../internal/distances.js';
import { openScreening } from '../internal/screened-distances.js';
import { screenedRadii } from '../internal/screened-radii.js';
import { precisionRecall, precisionRecallOnRuntime } from './precision-recall.js';

const runtime = referenceRuntime();

/** Points far from the origin, every third one twice, and pairs that differ by less than float32 resolves. */
function crowded(seed: number, count: number): Features {
  const { values } = gaussian(seed, count, 5, { mean: 300, std: 2 });
  const rows = values.map((value, at) => {
    const row = Math.floor(at / 5);
    return row % 3 === 1 ? values[at - 5]! : row % 7 === 3 ? values[at - 5]! + 1e-9 : value;
  });
  return features(hostTensor([count, 5], rows));
}

const cases: Readonly<Record<string, readonly [Features, Features]>> = {
  'sets of 12 features': [goldenSamples(3, 150, 12, 12, 0), goldenSamples(4, 180, 12, 12, 0.2)],
  'sets of several tiles and of one': [gaussian(1, 1040, 3), gaussian(2, 50, 3, { mean: 0.7 })],
  'sets with doubles': [crowded(1, 120), crowded(2, 90)],
  'a set and itself': [crowded(1, 120), crowded(1, 120)],
};

test.each(Object.entries(cases))('%s have the values of plain float64', async (_, [x, y]) => {
  for (const [a, b] of [
    [x, y],
    [y, x],
  ] as const) {
    expect(await precisionRecallOnRuntime(runtime, a, b)).toEqual(precisionRecall(a, b));
  }
});

test.each([200, 32])('radii have the bits of plain float64, in tiles of %i', async (side) => {
  const set = crowded(3, 200);
  const screening = await openScreening(runtime, new Float64Array(5).fill(300), 200, side);
  expect(await screenedRadii(screening, screening.prepare(set), 3)).toEqual(neighbourRadii(set, 3));
  await screening.dispose();
});

test('bad input is refused by name', async () => {
  const x = gaussian(1, 20, 3);
  await expect(precisionRecallOnRuntime(runtime, x, gaussian(1, 3, 3))).rejects.toThrow(TooFewSamplesError);
  await expect(precisionRecallOnRuntime(runtime, x, gaussian(1, 20, 4))).rejects.toThrow(FeatureError);
  await expect(precisionRecallOnRuntime(runtime, x, x, { k: 0 })).rejects.toMatchObject({ name: 'ConfigError' });
  const huge = features(
    hostTensor(
      [20, 3],
      gaussian(1, 20, 3).values.map((value) => 1e20 * value),
    ),
  );
  await expect(precisionRecallOnRuntime(runtime, huge, huge)).rejects.toThrow(/sample 0 is too large for float32/);
});

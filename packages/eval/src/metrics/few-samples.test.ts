import { describe, expect, test } from 'vitest';
import { gaussian, goldenSamples } from '../__fixtures__/samples.js';
import { FeatureError, ProtocolError, TooFewSamplesError } from '../errors.js';
import { features, type Features } from '../features.js';
import { plainLinearAlgebra } from '../linear-algebra/linear-algebra.js';
import { momentsOf } from '../moments.js';
import { hostTensor } from '@flowmap/tensor';
import { frechetDistance, frechetDistanceOfFeatures, frechetReference } from './frechet-distance.js';

/** 40 features; sets of many samples, of few, and in a subspace of 12 dimensions. */
const sets = {
  many: goldenSamples(1, 150, 40, 40, 0.25),
  few: goldenSamples(2, 25, 40, 40, 0),
  flat: goldenSamples(3, 30, 40, 12, 0.1),
};
const names = Object.keys(sets) as (keyof typeof sets)[];

describe.each(names.flatMap((a) => names.map((b) => [a, b] as const)))('%s samples against %s', (a, b) => {
  const [generated, reference] = [sets[a], frechetReference(momentsOf(sets[b]))];
  const full = frechetDistance(momentsOf(generated), reference);
  // Roots of eigenvalues that are rounding errors: 40 sqrt(eps) of the largest, at most.
  const tolerance = 1e-6 * full.value + 1e-6;

  test.each([
    ['prepared moments', reference],
    ['moments', reference.moments],
    ['features', sets[b]],
  ] as const)('from features and %s as from moments', (_, against) => {
    const { value, protocol } = frechetDistanceOfFeatures(generated, against);
    expect(Math.abs(value - full.value)).toBeLessThan(tolerance);
    expect(protocol).toEqual(full.protocol);
  });
});

test('few samples cost no matrix of their own moments', () => {
  const sizes: number[] = [];
  const watched = {
    ...plainLinearAlgebra,
    symmetricEigenvalues: (a: Float64Array, n: number) => {
      sizes.push(n);
      return plainLinearAlgebra.symmetricEigenvalues(a, n);
    },
  };
  const reference = frechetReference(momentsOf(sets.many), { linearAlgebra: watched });
  frechetDistanceOfFeatures(sets.few, reference);
  frechetDistanceOfFeatures(sets.many, momentsOf(sets.flat), { linearAlgebra: watched });
  expect(sizes).toEqual([25, 12]);
});

test('bad features against moments are refused by name', () => {
  const reference = momentsOf(sets.many);
  const of = (values: Features): unknown => frechetDistanceOfFeatures(values, reference);
  expect(() => of(gaussian(1, 5, 39))).toThrow(FeatureError);
  expect(() => of(gaussian(1, 1, 40))).toThrow(TooFewSamplesError);
  expect(() => of({ ...sets.few, source: { extractor: 'other', weights: null, resize: 'none' } })).toThrow(
    ProtocolError,
  );
  const huge = features(
    hostTensor(
      [25, 40],
      sets.few.values.map((value) => 1e160 * value),
    ),
  );
  expect(() => of(huge)).toThrow(FeatureError);
});

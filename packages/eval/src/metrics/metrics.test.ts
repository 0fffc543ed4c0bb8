import { ConfigError } from '@flowmap/core';
import { hostTensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { gaussian, orthogonal, rotated, withSpectrum } from '../__fixtures__/samples.js';
import { FeatureError, TooFewSamplesError } from '../errors.js';
import { features, POINTS, type Features } from '../features.js';
import { momentsOf, type Moments } from '../moments.js';
import { densityCoverage } from './density-coverage.js';
import { energyDistance } from './energy-distance.js';
import { fdInfinity } from './fd-infinity.js';
import { frechetDistance, frechetDistanceOfFeatures, frechetReference } from './frechet-distance.js';
import { inceptionScore } from './inception-score.js';
import { kernelDistance } from './kernel-distance.js';
import { precisionRecall } from './precision-recall.js';
import { slicedWasserstein } from './sliced-wasserstein.js';

const points = (values: readonly number[], width = 1): Features =>
  features(hostTensor([values.length / width, width], Float64Array.from(values)));

const width = 6;
const x = gaussian(1, 300, width);
const y = gaussian(2, 280, width, { mean: 0.3, std: 1.2 });
const q = orthogonal(5, width);

const distances: Record<string, (a: Features, b: Features) => number> = {
  frechetDistance: (a, b) => frechetDistance(momentsOf(a), momentsOf(b)).value,
  frechetDistanceOfFeatures: (a, b) => frechetDistanceOfFeatures(a, b).value,
  energyDistance: (a, b) => energyDistance(a, b).value,
  slicedWasserstein: (a, b) => slicedWasserstein(a, b).value,
};

describe.each(Object.entries(distances))('%s', (name, distance) => {
  test('is symmetric, and larger between other distributions', () => {
    expect(distance(x, y)).toBeCloseTo(distance(y, x), 10);
    expect(distance(x, gaussian(3, 300, width))).toBeLessThan(distance(x, y) / 2);
  });

  test('of equal samples is 0', () => {
    // Traces cancel to rounding; the rest is exact.
    expect(distance(x, x)).toBeLessThan(1e-11);
  });

  test('does not change when the space is turned', () => {
    // Directions are drawn at random, so rotation changes them: with 128 directions a difference of some per cent
    // remains.
    const digits = name === 'slicedWasserstein' ? 1 : 10;
    expect(distance(rotated(x, q), rotated(y, q))).toBeCloseTo(distance(x, y), digits);
  });

  test('wants equal widths', () => {
    expect(() => distance(x, gaussian(1, 300, 3))).toThrow(FeatureError);
  });
});

describe('Fréchet distance', () => {
  const moments = (mean: readonly number[], covariance: Float64Array): Moments => ({
    count: 100,
    width: mean.length,
    mean: Float64Array.from(mean),
    covariance,
    source: POINTS,
  });

  test('of normal distributions on a line is (m1 - m2)^2 + (s1 - s2)^2', () => {
    const [a, b] = [moments([1], Float64Array.of(4)), moments([-2], Float64Array.of(9))];
    expect(frechetDistance(a, b).value).toBeCloseTo(10, 12);
  });

  test.each([
    ['regular', [1, 2, 3, 4], [4, 3, 2, 1]],
    ['singular', [1, 2, 0, 0], [4, 0, 2, 0]],
  ])('of covariances that commute, %s, adds (s1 - s2)^2 along the axes', (_, first, second) => {
    const axes = orthogonal(6, 4);
    const a = moments([0, 0, 0, 0], withSpectrum(axes, first));
    const b = moments([1, 1, 1, 1], withSpectrum(axes, second));
    const wanted = first.reduce((sum, value, i) => sum + (Math.sqrt(value) - Math.sqrt(second[i]!)) ** 2, 4);
    expect(Math.abs(frechetDistance(a, b).value / wanted - 1)).toBeLessThan(1e-6);
    expect(Math.abs(frechetDistance(b, a).value / wanted - 1)).toBeLessThan(1e-6);
  });

  test('of a point from a distribution is the squared distance of means and the trace', () => {
    const a = moments([3, 0], new Float64Array(4));
    const b = moments([0, 0], Float64Array.of(2, 1, 1, 3));
    expect(frechetDistance(a, b).value).toBeCloseTo(14, 12);
    expect(frechetDistance(b, a).value).toBeCloseTo(14, 12);
    expect(frechetDistance(a, a).value).toBe(0);
  });

  test('is the same with a reference that was prepared, and its protocol', () => {
    const [a, b] = [momentsOf(x), momentsOf(y)];
    expect(frechetDistance(a, frechetReference(b))).toEqual(frechetDistance(a, b));
    expect(frechetDistanceOfFeatures(x, y).protocol).toEqual(frechetDistance(a, b).protocol);
  });

  test('from features and from moments agree with fewer samples than numbers', () => {
    const [a, b] = [gaussian(1, 12, 30), gaussian(2, 50, 30, { mean: 0.5 })];
    const wanted = frechetDistance(momentsOf(a), momentsOf(b)).value;
    expect(Math.abs(frechetDistanceOfFeatures(a, b).value / wanted - 1)).toBeLessThan(1e-6);
  });

  test('wants two samples of each', () => {
    expect(() => frechetDistanceOfFeatures(gaussian(1, 1, width), y)).toThrow(TooFewSamplesError);
    expect(() => frechetDistanceOfFeatures(y, gaussian(1, 1, width))).toThrow(TooFewSamplesError);
  });
});

test('the distance of infinitely many samples takes most of the bias away', () => {
  const reference = frechetReference(momentsOf(gaussian(10, 20_000, 8)));
  const generated = gaussian(11, 600, 8);
  const biased = frechetDistance(momentsOf(generated), reference).value;
  const { value, protocol } = fdInfinity(generated, reference, { seed: 1 });
  expect(biased).toBeGreaterThan(0.03);
  expect(Math.abs(value)).toBeLessThan(biased / 2);
  expect(protocol).toMatchObject({ metric: 'fd-infinity(sizes=15)', samples: 600, seed: 1 });
  expect(fdInfinity(generated, reference, { seed: 1 }).value).toBe(value);
  expect(() => fdInfinity(gaussian(1, 19, 8), reference)).toThrow(TooFewSamplesError);
});

describe('kernel distance', () => {
  const options = { subsets: 20, subsetSize: 100 };

  test('is nothing but noise for one distribution, and more for two', () => {
    const same = kernelDistance(x, gaussian(3, 300, width), options);
    // The standard deviation of a mean over 20 overlapping subsets is below that of one.
    expect(Math.abs(same.value)).toBeLessThan(2 * same.std!);
    expect(kernelDistance(x, y, options).value).toBeGreaterThan(4 * same.std!);
  });

  test('depends on the seed alone', () => {
    expect(kernelDistance(x, y, options)).toEqual(kernelDistance(x, y, options));
    expect(kernelDistance(x, y, { ...options, seed: 1 }).value).not.toBe(kernelDistance(x, y, options).value);
  });

  test('of two points each, by hand', () => {
    // k(a, b) = (a b + 1)^3 for 0, 1 and 2, 3: 1 + 7^3 - (1 + 1 + 27 + 64) / 2
    const value = kernelDistance(points([0, 1]), points([2, 3]), { subsets: 1, subsetSize: 2 }).value;
    expect(value).toBeCloseTo(1 + 343 - 93 / 2, 12);
  });

  test('wants as many samples as a subset has', () => {
    expect(() => kernelDistance(x, y)).toThrow(new TooFewSamplesError('kernelDistance', 1000, 300, 'generated'));
    expect(() => kernelDistance(x, y, { subsetSize: 1 })).toThrow(ConfigError);
  });
});

describe('precision and recall', () => {
  test('by hand, with the arguments swapped', () => {
    const [generated, reference] = [points([0.5, 10, 11, 30]), points([0, 1, 2, 3])];
    // Neighbours of the reference are 1 away, those of the generated samples 9.5, 1, 1 and 19.
    const { precision, recall } = precisionRecall(generated, reference, { k: 1 });
    expect([precision.value, recall.value]).toEqual([1 / 4, 1]);
    const swapped = precisionRecall(reference, generated, { k: 1 });
    expect([swapped.precision.value, swapped.recall.value]).toEqual([1, 1 / 4]);
  });

  test('takes in the edge of a ball, which density and coverage leave out', () => {
    const [generated, reference] = [points([2, 9]), points([0, 1, 100])];
    expect(precisionRecall(generated, reference, { k: 1 }).precision.value).toBe(1); // 99 of 100 reaches both
    const near = points([2, -50]);
    expect(precisionRecall(near, points([0, 1]), { k: 1 }).precision.value).toBe(1 / 2); // 2 is 1 from 1
    expect(densityCoverage(near, points([0, 1]), { k: 1 }).density.value).toBe(0);
  });

  test('of equal samples are 1, also of several tiles', () => {
    const many = gaussian(1, 1100, 2);
    const { precision, recall } = precisionRecall(many, many);
    expect([precision.value, recall.value]).toEqual([1, 1]);
    expect(densityCoverage(many, many).coverage.value).toBe(1);
  });

  test('swapped are each other on drawn samples, and do not change when the space is turned', () => {
    const { precision, recall } = precisionRecall(x, y);
    const swapped = precisionRecall(y, x);
    expect([swapped.recall.value, swapped.precision.value]).toEqual([precision.value, recall.value]);
    expect(precision.value).not.toBe(recall.value);
    expect(precisionRecall(rotated(x, q), rotated(y, q)).precision.value).toBe(precision.value);
  });

  test('want more samples than neighbours', () => {
    expect(() => precisionRecall(points([1, 2, 3]), x)).toThrow(FeatureError);
    expect(() => precisionRecall(points([1, 2, 3]), points([1, 2, 3, 4]))).toThrow(TooFewSamplesError);
    expect(() => precisionRecall(x, y, { k: 0 })).toThrow(ConfigError);
    expect(() => densityCoverage(x, y, { k: 0.5 })).toThrow(ConfigError);
  });
});

test('density is above 1 where generated samples crowd, coverage is not', () => {
  const { density, coverage } = densityCoverage(points([1, 1, 1, 1, 1, 1]), points([0, 1, 2, 100, 101, 102]), { k: 2 });
  // The balls around 0, 1, 2 with radii 2, 1, 2 contain every sample: 3 balls for 2 neighbours each.
  expect([density.value, coverage.value]).toEqual([1.5, 0.5]);
});

describe('inception score', () => {
  const rows = (...values: readonly (readonly number[])[]): Features => points(values.flat(), values[0]!.length);

  test('is the number of classes for sure and even, 1 for equal samples', () => {
    const sure = rows([1, 0, 0], [0, 1, 0], [0, 0, 1]);
    expect(inceptionScore(sure, { splits: 1 })).toMatchObject({ value: expect.closeTo(3, 12) as number, std: 0 });
    expect(inceptionScore(rows([0.2, 0.8], [0.2, 0.8]), { splits: 1 }).value).toBeCloseTo(1, 12);
  });

  test('is the mean over splits in order', () => {
    const { value, std } = inceptionScore(rows([1, 0], [0, 1], [1, 0], [1, 0]), { splits: 2 });
    expect([value, std]).toEqual([expect.closeTo(1.5, 12), expect.closeTo(0.5, 12)]);
  });

  test('wants probabilities, and a sample for each split', () => {
    expect(() => inceptionScore(rows([0.5, 0.5], [0.5, 0.6]), { splits: 1 })).toThrow('sample 1 has no probabilities');
    expect(() => inceptionScore(rows([1.5, -0.5]), { splits: 1 })).toThrow(FeatureError);
    expect(() => inceptionScore(rows([1, 0]))).toThrow(TooFewSamplesError);
  });
});

describe('distances on a line', () => {
  test('Wasserstein of moved points is how far they moved', () => {
    expect(slicedWasserstein(points([3, 1, 2]), points([5, 7, 6])).value).toBeCloseTo(4, 12);
  });

  test('Wasserstein of unequal numbers goes by quantiles', () => {
    // Halves of {0, 2} matched with thirds of {0, 1, 2}: a third at distance 0, two sixths at 1, a third at 0.
    expect(slicedWasserstein(points([0, 2]), points([0, 1, 2])).value).toBeCloseTo(Math.sqrt(1 / 3), 12);
    // Repeating every sample gives the same distribution.
    expect(slicedWasserstein(points([0, 2, 5]), points([0, 0, 2, 2, 5, 5])).value).toBe(0);
  });

  test('energy of two points is twice their distance', () => {
    expect(energyDistance(points([0]), points([3])).value).toBe(6);
  });
});

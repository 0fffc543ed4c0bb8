import { hostTensor } from '@flowmap/tensor';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { goldenSamples } from '../__fixtures__/samples.js';
import { features, type Features } from '../features.js';
import { momentsOf } from '../moments.js';
import { densityCoverage } from './density-coverage.js';
import { energyDistance } from './energy-distance.js';
import { frechetDistance, frechetDistanceOfFeatures } from './frechet-distance.js';
import { inceptionScore } from './inception-score.js';
import { kernelDistance } from './kernel-distance.js';
import { precisionRecall } from './precision-recall.js';
import { slicedWasserstein } from './sliced-wasserstein.js';

/** Values that `tools/reference/evaluation.py` computed with NumPy and SciPy. */
interface Goldens {
  readonly frechet: readonly {
    readonly n1: number;
    readonly n2: number;
    readonly d: number;
    readonly rank1: number;
    readonly rank2: number;
    readonly kind: 'regular' | 'singular';
    readonly svd: number;
    readonly sqrtm?: number;
  }[];
  readonly kernelDistance: number;
  readonly manifolds: Readonly<
    Record<'3' | '5', Readonly<Record<'precision' | 'recall' | 'density' | 'coverage', number>>>
  >;
  readonly energyDistance: number;
  readonly wasserstein2: number;
  readonly inceptionScore: number;
}

const goldens = JSON.parse(readFileSync(new URL('../__fixtures__/goldens.json', import.meta.url), 'utf8')) as Goldens;

const relative = (got: number, wanted: number): number => Math.abs(got / wanted - 1);

describe.each(goldens.frechet)(
  'Fréchet distance, $kind: $n1 and $n2 samples of $d numbers, ranks $rank1 and $rank2',
  (golden) => {
    const x = goldenSamples(1, golden.n1, golden.d, golden.rank1, 0);
    const y = goldenSamples(2, golden.n2, golden.d, golden.rank2, 0.25);
    const wanted = golden.sqrtm ?? golden.svd;
    const tolerance = golden.kind === 'regular' ? 1e-6 : 1e-4;

    test.each([
      ['moments', frechetOfMoments],
      ['features', (a: Features, b: Features) => frechetDistanceOfFeatures(a, b).value],
    ] as const)('from %s, in both orders', (_, distance) => {
      expect(relative(distance(x, y), wanted)).toBeLessThan(tolerance);
      expect(relative(distance(y, x), wanted)).toBeLessThan(tolerance);
    });
  },
);

function frechetOfMoments(a: Features, b: Features): number {
  return frechetDistance(momentsOf(a), momentsOf(b)).value;
}

describe('metrics of samples', () => {
  const x = goldenSamples(3, 150, 12, 12, 0);
  const y = goldenSamples(4, 180, 12, 12, 0.2);

  test('kernel distance of all samples', () => {
    const { values } = goldenSamples(4, 180, 12, 12, 0.2);
    const first = features(hostTensor([150, 12], values.slice(0, 150 * 12)));
    const { value, std } = kernelDistance(x, first, { subsets: 2, subsetSize: 150 });
    expect(value).toBeCloseTo(goldens.kernelDistance, 12);
    expect(std).toBeLessThan(1e-12); // both subsets contain everything, in different orders
  });

  test.each(['3', '5'] as const)('precision, recall, density and coverage of %s neighbours', (k) => {
    const { precision, recall } = precisionRecall(x, y, { k: Number(k) });
    const { density, coverage } = densityCoverage(x, y, { k: Number(k) });
    const values = { precision, recall, density, coverage };
    for (const [name, wanted] of Object.entries(goldens.manifolds[k])) {
      expect(values[name as keyof typeof values].value, name).toBeCloseTo(wanted, 12);
    }
  });

  test('energy distance and Wasserstein distance on a line', () => {
    const [a, b] = [goldenSamples(5, 100, 1, 1, 0), goldenSamples(6, 100, 1, 1, 0.1)];
    expect(energyDistance(a, b).value).toBeCloseTo(goldens.energyDistance, 12);
    expect(slicedWasserstein(a, b).value).toBeCloseTo(goldens.wasserstein2, 12);
  });

  test('inception score', () => {
    const { values } = goldenSamples(7, 60, 10, 10, 0);
    const weights = Float64Array.from(values, (value) => Math.exp(4 * value));
    const sums = Array.from({ length: 60 }, (_, i) => weights.slice(10 * i, 10 * i + 10).reduce((a, b) => a + b, 0));
    const probabilities = weights.map((value, at) => value / sums[Math.floor(at / 10)]!);
    const score = inceptionScore(features(hostTensor([60, 10], probabilities)), { splits: 1 });
    expect(score.value).toBeCloseTo(goldens.inceptionScore, 12);
  });
});

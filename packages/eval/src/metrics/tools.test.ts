import { hostTensor } from '@flowmap/tensor';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { goldenSamples } from '../__fixtures__/samples.js';
import { features } from '../features.js';
import { momentsOf } from '../moments.js';
import { densityCoverage } from './density-coverage.js';
import { frechetDistance, frechetDistanceOfFeatures } from './frechet-distance.js';
import { inceptionScore } from './inception-score.js';
import { kernelDistance } from './kernel-distance.js';
import { mind } from './mind.js';
import { precisionRecall } from './precision-recall.js';

type Share = Readonly<Record<'precision' | 'recall', number>>;

/** Values of pytorch-fid, torch-fidelity, clean-fid and prdc on equal features: `tools/reference/eval_tools.py`. */
interface Tools {
  readonly frechet: readonly {
    readonly n1: number;
    readonly n2: number;
    readonly d: number;
    readonly rank1: number;
    readonly rank2: number;
    readonly kind: 'regular' | 'singular';
    /** From the first set to the second, and back. */
    readonly distances: Readonly<Record<'pytorch-fid' | 'torch-fidelity' | 'clean-fid', readonly [number, number]>>;
  }[];
  readonly kernelDistance: Readonly<Record<'torch-fidelity' | 'clean-fid', number>>;
  readonly inceptionScore: { readonly mean: number; readonly std: number };
  readonly precisionRecall: { readonly forth: Share; readonly back: Share };
  readonly prdc: Readonly<Record<'density' | 'coverage', number>>;
  readonly mind: { readonly line: number; readonly random: { readonly mean: number; readonly deviation: number } };
}

const tools = JSON.parse(readFileSync(new URL('../__fixtures__/tools.json', import.meta.url), 'utf8')) as Tools;

describe.each(tools.frechet)(
  'Fréchet distance, $kind: $n1 and $n2 samples of $d numbers, ranks $rank1 and $rank2',
  (c) => {
    const x = goldenSamples(1, c.n1, c.d, c.rank1, 0);
    const y = goldenSamples(2, c.n2, c.d, c.rank2, 0.25);
    const forth = [frechetDistance(momentsOf(x), momentsOf(y)), frechetDistanceOfFeatures(x, y)];
    const back = [frechetDistance(momentsOf(y), momentsOf(x)), frechetDistanceOfFeatures(y, x)];

    test.each(Object.entries(c.distances))('is that of %s, in both orders', (_, [there, again]) => {
      const tolerance = c.kind === 'regular' ? 1e-6 : 1e-4;
      for (const { value } of forth) expect(Math.abs(value / there - 1)).toBeLessThan(tolerance);
      for (const { value } of back) expect(Math.abs(value / again - 1)).toBeLessThan(tolerance);
    });
  },
);

const x = goldenSamples(3, 150, 12, 12, 0);
const y = goldenSamples(4, 180, 12, 12, 0.2);
const equalCount = features(hostTensor([150, 12], y.values.slice(0, 150 * 12)));

test.each(Object.entries(tools.kernelDistance))('kernel distance is that of %s on the same subsets', (_, wanted) => {
  expect(kernelDistance(x, equalCount, { subsets: 2, subsetSize: 150 }).value).toBeCloseTo(wanted, 12);
});

test('inception score, with its deviation, is that of torch-fidelity', () => {
  const { values } = goldenSamples(7, 60, 10, 10, 0);
  const weights = Float64Array.from(values, (logit) => Math.exp(4 * logit));
  const sums = Array.from({ length: 60 }, (_, i) => weights.slice(10 * i, 10 * i + 10).reduce((a, b) => a + b, 0));
  const probabilities = weights.map((weight, at) => weight / sums[Math.floor(at / 10)]!);
  const { value, std } = inceptionScore(features(hostTensor([60, 10], probabilities)), { splits: 10 });
  expect(value).toBeCloseTo(tools.inceptionScore.mean, 12);
  expect(std).toBeCloseTo(tools.inceptionScore.std, 12);
});

test('precision and recall are those of torch-fidelity, and swap with their arguments', () => {
  const { forth, back } = tools.precisionRecall;
  expect(forth.precision).not.toBeCloseTo(forth.recall, 2);
  for (const [result, wanted] of [
    [precisionRecall(x, y), forth],
    [precisionRecall(y, x), back],
  ] as const) {
    // torch-fidelity's means are float32.
    expect(result.precision.value).toBeCloseTo(wanted.precision, 6);
    expect(result.recall.value).toBeCloseTo(wanted.recall, 6);
  }
});

test('density and coverage are those of prdc', () => {
  const { density, coverage } = densityCoverage(x, y, { k: 5 });
  expect(density.value).toBeCloseTo(tools.prdc.density, 12);
  expect(coverage.value).toBeCloseTo(tools.prdc.coverage, 12);
});

describe('MIND', () => {
  test('on a line is three times the mean squared distance of quantiles, as NumPy has it', () => {
    const { value } = mind(goldenSamples(5, 100, 1, 1, 0), goldenSamples(6, 100, 1, 1, 0.1), { directions: 3 });
    expect(value).toBeCloseTo(tools.mind.line, 12);
  });

  test('along a thousand directions is what NumPy finds along many more', () => {
    const { mean, deviation } = tools.mind.random;
    const { value, protocol } = mind(x, equalCount);
    expect(Math.abs(value - mean)).toBeLessThan(4 * deviation);
    expect(protocol).toMatchObject({ metric: 'mind(directions=1000)', samples: 150, seed: 0 });
    expect(mind(x, equalCount, { seed: 1, directions: 5 }).value).not.toBe(
      mind(x, equalCount, { directions: 5 }).value,
    );
  });

  test('of a set and itself is 0, and of one moved by a vector a about 3 |a|^2', () => {
    expect(mind(x, x).value).toBe(0);
    const moved = features(
      hostTensor(
        [150, 12],
        x.values.map((value, at) => (at % 12 === 0 ? value + 2 : value)),
      ),
    );
    // d (u . a)^2 has the mean |a|^2 and, over 1000 directions, a relative deviation below sqrt(2 / 1000).
    expect(Math.abs(mind(moved, x).value / 12 - 1)).toBeLessThan(4 * Math.sqrt(2 / 1000));
  });
});

test('a Fréchet distance has the name that is customary for its features', () => {
  const [a, b] = [momentsOf(x), momentsOf(y)];
  expect(frechetDistance(a, b, { name: 'sfid' }).protocol.metric).toBe('sfid');
  expect(frechetDistanceOfFeatures(x, y, { name: 'sfid' }).protocol.metric).toBe('sfid');
  const few = features(hostTensor([5, 12], x.values.slice(0, 60)));
  expect(frechetDistanceOfFeatures(few, y, { name: 'sfid' }).protocol.metric).toBe('sfid');
  expect(frechetDistance(a, b).protocol.metric).toBe('frechet-distance');
});

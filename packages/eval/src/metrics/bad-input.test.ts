import { hostTensor, uniforms } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { FeatureError, ProtocolError, TooFewSamplesError } from '../errors.js';
import { features, type Features, type FeatureSource } from '../features.js';
import { momentsOf } from '../moments.js';
import { clipScore } from './clip-score.js';
import { densityCoverage } from './density-coverage.js';
import { energyDistance } from './energy-distance.js';
import { fdInfinity } from './fd-infinity.js';
import { frechetDistance, frechetDistanceOfFeatures, frechetReference } from './frechet-distance.js';
import { kernelDistance } from './kernel-distance.js';
import { mind } from './mind.js';
import { precisionRecall } from './precision-recall.js';
import { slicedWasserstein } from './sliced-wasserstein.js';

const source: FeatureSource = { extractor: 'network', weights: 'abc', resize: 'none' };
const some = (count: number, width = 2, of: Partial<FeatureSource> = {}): Features =>
  features(hostTensor([count, width], uniforms({ seed: count, purpose: 'features' }, count * width)), {
    ...source,
    ...of,
  });

/** Every metric with a reference, and the number of generated samples that it needs. */
const metrics: readonly [string, number, (generated: Features, reference: Features) => unknown][] = [
  ['Fréchet distance', 2, (a, b) => frechetDistance(momentsOf(a), momentsOf(b))],
  [
    'Fréchet distance to a prepared reference',
    2,
    (a, b) => frechetDistance(momentsOf(a), frechetReference(momentsOf(b))),
  ],
  ['Fréchet distance of features', 2, frechetDistanceOfFeatures],
  ['distance of infinitely many samples', 20, (a, b) => fdInfinity(a, momentsOf(b))],
  ['kernel distance', 16, (a, b) => kernelDistance(a, b, { subsetSize: 16, subsets: 2 })],
  ['precision and recall', 4, (a, b) => precisionRecall(a, b)],
  ['density and coverage', 6, (a, b) => densityCoverage(a, b)],
  ['MIND', 1, (a, b) => mind(a, b, { directions: 4 })],
  ['sliced Wasserstein', 1, (a, b) => slicedWasserstein(a, b)],
  ['energy distance', 1, energyDistance],
  ['CLIP score', 1, clipScore],
];

describe.each(metrics)('%s', (_, least, measure) => {
  test('is measured of what is good', () => {
    expect(() => measure(some(24), some(24))).not.toThrow();
  });

  test('refuses another width, and another network, weights or way of resizing', () => {
    expect(() => measure(some(24), some(24, 3))).toThrow(FeatureError);
    for (const other of [{ extractor: 'other' }, { weights: null }, { resize: 'bilinear-8' }]) {
      expect(() => measure(some(24), some(24, 2, other))).toThrow(ProtocolError);
    }
  });

  test.each(least > 1 ? [least - 1] : [])('refuses %i samples', (count) => {
    expect(() => measure(some(count), some(24))).toThrow(TooFewSamplesError);
  });
});

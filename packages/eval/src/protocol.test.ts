import { hostTensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { gaussian } from './__fixtures__/samples.js';
import { FeatureError, ProtocolError } from './errors.js';
import { features } from './features.js';
import { energyDistance } from './metrics/energy-distance.js';
import { kernelDistance } from './metrics/kernel-distance.js';
import { precisionRecall } from './metrics/precision-recall.js';
import { compare, protocolText } from './protocol.js';

const [x, y, z] = [1, 2, 3].map((seed) => gaussian(seed, 40, 3)) as [
  ReturnType<typeof gaussian>,
  ReturnType<typeof gaussian>,
  ReturnType<typeof gaussian>,
];

test('a protocol in one line', () => {
  const source = { extractor: 'network', weights: '0123456789abcdef', resize: 'none' };
  const [a, b] = [x, y].map(({ values }) => features(hostTensor([40, 3], values), source));
  const { protocol } = kernelDistance(a!, b!, { subsets: 2, subsetSize: 10, seed: 7 });
  expect(protocolText({ ...protocol, reference: 'fedcba9876543210' })).toBe(
    'kernel-distance(subsets=2,size=10) extractor=network@01234567 resize=none n=40 reference=fedcba98 seed=7 v1',
  );
  expect(protocolText({ ...energyDistance(x, y).protocol, reference: null })).toBe(
    'energy-distance extractor=none resize=none n=40 reference=- seed=- v1',
  );
});

describe('compare', () => {
  const [a, b] = [energyDistance(x, z), energyDistance(y, z)];

  test('gives the difference of numbers of one protocol', () => {
    expect(compare(a, b)).toEqual({ difference: a.value - b.value, fields: [] });
  });

  test.each([
    ['another reference', energyDistance(x, y), ['reference']],
    ['another number of samples', energyDistance(gaussian(1, 20, 3), z), ['samples']],
    ['another metric', precisionRecall(x, z).precision, ['metric']],
    ['another number of neighbours and seed', kernelDistance(x, z, { subsetSize: 4, seed: 1 }), ['metric', 'seed']],
  ])('refuses %s, unless forced', (_, other, fields) => {
    expect(() => compare(a, other)).toThrow(ProtocolError);
    expect(() => compare(a, other)).toThrow(fields.join(', '));
    expect(compare(a, other, { force: true })).toEqual({ difference: a.value - other.value, fields });
  });
});

test('metrics refuse features of two extractors', () => {
  const other = features(hostTensor([40, 3], y.values), { extractor: 'network', weights: null, resize: 'none' });
  expect(() => energyDistance(x, other)).toThrow(ProtocolError);
  expect(() => energyDistance(x, other)).toThrow('extractor is none and network');
});

test('features are floats, and finite', () => {
  expect(() => features(hostTensor([2], Int32Array.of(1, 2)))).toThrow(FeatureError);
  expect(() => features(hostTensor([], [1]))).toThrow(FeatureError);
  expect(() => features(hostTensor([2, 2], [1, 2, Infinity, 4]))).toThrow('sample 1 has the feature Infinity at 0');
  expect(features(hostTensor([2, 2, 3], new Float32Array(12)))).toMatchObject({ count: 2, width: 6 });
});

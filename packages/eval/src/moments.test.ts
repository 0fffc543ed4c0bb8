import { CheckpointError, ConfigError, encodeSafetensors } from '@flowmap/core';
import { hostTensor } from '@flowmap/tensor';
import { describe, expect, test } from 'vitest';
import { gaussian } from './__fixtures__/samples.js';
import { FeatureError, ProtocolError, TooFewSamplesError } from './errors.js';
import { frechetDistance } from './metrics/frechet-distance.js';
import {
  decodeMoments,
  encodeMoments,
  featureMoments,
  momentsOf,
  type FeatureMoments,
  type Moments,
} from './moments.js';

const [count, width] = [90, 7];
/** Far from zero, where sums of squares would lose most digits. */
const { values } = gaussian(1, count, width, { mean: 1e6 });
const rows = (first: number, last: number): ReturnType<typeof hostTensor> =>
  hostTensor([last - first, width], values.slice(first * width, last * width));

function accumulated(...bounds: readonly number[]): FeatureMoments {
  const moments = featureMoments(width);
  for (let i = 1; i < bounds.length; i++) moments.add(rows(bounds[i - 1]!, bounds[i]!));
  return moments;
}

function expectEqual(got: Moments, wanted: Moments): void {
  expect(got.count).toBe(wanted.count);
  // A unit in the last place of 1e6 is 1e-10; several add up.
  got.mean.forEach((value, i) => expect(value).toBeCloseTo(wanted.mean[i]!, 8));
  got.covariance.forEach((value, i) => expect(value).toBeCloseTo(wanted.covariance[i]!, 8));
}

test('mean and covariance as they are defined', () => {
  const { mean, covariance } = accumulated(0, count).moments();
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) {
      let sum = 0;
      for (let row = 0; row < count; row++) {
        sum += (values[row * width + i]! - mean[i]!) * (values[row * width + j]! - mean[j]!);
      }
      expect(covariance[i * width + j]).toBeCloseTo(sum / (count - 1), 12);
    }
  }
});

test('batches of any size, and merged parts, are the whole', () => {
  const whole = momentsOf(gaussian(1, count, width, { mean: 1e6 }));
  expectEqual(accumulated(0, 1, 2, 40, 41, count).moments(), whole);
  const [first, second] = [accumulated(0, 33), accumulated(33, 60, count)];
  first.merge(second);
  expectEqual(first.moments(), whole);
  const empty = featureMoments(width);
  empty.merge(first);
  empty.merge(featureMoments(width));
  expectEqual(empty.moments(), whole);
  expect(second.count).toBe(count - 33);
});

test('a batch that is taken in by parts is the sum of them', () => {
  const large = gaussian(2, 2500, 3);
  const { mean, covariance } = momentsOf(large);
  for (let j = 0; j < 3; j++) {
    const column = Array.from({ length: 2500 }, (_, i) => large.values[3 * i + j]!);
    const wanted = column.reduce((sum, value) => sum + value, 0) / 2500;
    expect(mean[j]).toBeCloseTo(wanted, 12);
    const squares = column.reduce((sum, value) => sum + (value - wanted) ** 2, 0);
    expect(covariance[4 * j]).toBeCloseTo(squares / 2499, 12);
  }
});

test('merged with themselves they are every sample twice', () => {
  const twice = accumulated(0, count);
  twice.merge(twice);
  const both = accumulated(0, count);
  both.add(rows(0, count));
  expectEqual(twice.moments(), both.moments());
});

test('a file gives the same bits, the source, and goes on', () => {
  const source = { extractor: 'a', weights: 'b', resize: 'c' };
  const moments = featureMoments(width, source);
  moments.add(rows(0, 50));
  const read = decodeMoments(moments.encode(), 'moments.safetensors');
  expect(read.moments()).toEqual(moments.moments());
  expect(read.source).toEqual(source);
  for (const each of [read, moments]) each.add(rows(50, count));
  expect(read.moments()).toEqual(moments.moments());
});

test('a file in single precision is half as large, and distances are the same to its rounding', () => {
  const wide = 40;
  const [a, b] = [1, 2].map((seed) => momentsOf(gaussian(seed, 200, wide))) as [Moments, Moments];
  const file = encodeMoments(a, { dtype: 'float32' });
  // Mean and one triangle, with four bytes per number, and the header.
  expect(file.length).toBeLessThan(4 * (wide + (wide * (wide + 1)) / 2) + 400);
  const read = decodeMoments(file, 'a').moments();
  const exact = frechetDistance(b, a).value;
  // Rounding errors of 6e-8 in each entry; traces are 40.
  expect(Math.abs(frechetDistance(b, read).value - exact)).toBeLessThan(1e-6 * 40);
});

describe('refuses', () => {
  test('a NaN or an infinity, by the sample among all, and takes in nothing of the batch', () => {
    const moments = accumulated(0, 5);
    const bad = values.slice(0, 3 * width);
    bad[2 * width + 1] = NaN;
    const error = new FeatureError('moments.add', 'sample 7 has the feature NaN at 1', 7);
    expect(() => moments.add(hostTensor([3, width], bad))).toThrow(error);
    expect(moments.moments()).toEqual(accumulated(0, 5).moments());
  });

  test('another width, in a batch and in a merge', () => {
    expect(() => accumulated(0, 5).add(hostTensor([2, 3], [1, 2, 3, 4, 5, 6]))).toThrow(
      new FeatureError('moments.add', 'wanted floats [count, 7], got float32 [2, 3]'),
    );
    expect(() => accumulated(0, 5).merge(featureMoments(3))).toThrow(FeatureError);
  });

  test('features of another source', () => {
    const other = featureMoments(width, { extractor: 'other', weights: null, resize: 'none' });
    expect(() => accumulated(0, 5).merge(other)).toThrow(ProtocolError);
  });

  test.each([0, 1])('moments of %i samples', (n) => {
    expect(() => accumulated(0, ...(n === 0 ? [] : [n])).moments()).toThrow(TooFewSamplesError);
  });

  test('features whose squares are infinite', () => {
    const moments = featureMoments(1);
    moments.add(hostTensor([2, 1], Float64Array.of(1e200, -1e200)));
    expect(() => moments.moments()).toThrow(FeatureError);
  });

  test.each([0, 1.5, NaN])('the width %d', (wrong) => {
    expect(() => featureMoments(wrong)).toThrow(ConfigError);
  });

  test('bytes that are no moments', () => {
    const { mean, covariance: square } = accumulated(0, count).moments();
    const covariance = square.subarray(0, (width * (width + 1)) / 2);
    const metadata = { count: '90', extractor: 'none', resize: 'none' };
    const file = (scatter: Float64Array, texts: Record<string, string> = metadata): Uint8Array =>
      encodeSafetensors({ mean: hostTensor([width], mean), scatter: hostTensor([scatter.length], scatter) }, texts);
    expect(decodeMoments(file(covariance), 'whole').count).toBe(90);
    for (const bytes of [
      file(covariance).subarray(0, -8),
      file(covariance.slice(1)),
      file(covariance.with(3, Infinity)),
      file(covariance, { ...metadata, count: '-1' }),
      file(covariance, { count: '90' }),
      encodeSafetensors({}),
    ]) {
      expect(() => decodeMoments(bytes, 'wrong')).toThrow(CheckpointError);
    }
  });
});

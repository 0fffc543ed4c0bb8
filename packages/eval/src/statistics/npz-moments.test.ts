import { readFileSync } from 'node:fs';
import { CheckpointError, ConfigError } from '@flowmap/core';
import { hostTensor } from '@flowmap/tensor';
import { expect, test } from 'vitest';
import { ProtocolError } from '../errors.js';
import { features } from '../features.js';
import { frechetDistance } from '../metrics/frechet-distance.js';
import { decodeMoments, encodeMoments, momentsOf } from '../moments.js';
import { momentsFromNpz, momentsToNpz } from './npz-moments.js';
import { encodeNpz } from './npz.js';

/** Files made by `tools/reference/npz_files.py`. */
const fixture = (name: string): Uint8Array => readFileSync(new URL(`../__fixtures__/${name}`, import.meta.url));

const source = { extractor: 'inception', weights: 'ab12', resize: 'tf1-bilinear-299' };
const options = { ...source, count: 4 };
/** The points of that script. */
const points = hostTensor([4, 3], Float64Array.of(1, 2, 4, 3, -1, 0, 0.5, 0, 2, -2, 5, 1));
const wanted = momentsOf(features(points, source));

test.each([
  ['stored.npz', 1e-15],
  ['compressed.npz', 2 ** -22], // of float32
])('%s has the mean and covariance of the points', (name, tolerance) => {
  const moments = momentsFromNpz(fixture(name), options);
  expect(moments).toMatchObject({ count: 4, width: 3, source });
  moments.mean.forEach((value, i) => expect(Math.abs(value - wanted.mean[i]!)).toBeLessThanOrEqual(tolerance));
  moments.covariance.forEach((value, i) =>
    expect(Math.abs(value - wanted.covariance[i]!)).toBeLessThanOrEqual(16 * tolerance),
  );
});

test('files that are written are read with the same bits, and kept as safetensors too', () => {
  const moments = momentsFromNpz(fixture('stored.npz'), options);
  expect(momentsFromNpz(momentsToNpz(moments), options)).toEqual(moments);
  const again = decodeMoments(encodeMoments(moments), 'moments.safetensors').moments();
  expect(again).toMatchObject({ count: 4, width: 3, source });
  expect(again.mean).toEqual(moments.mean);
  again.covariance.forEach((value, i) => expect(value).toBeCloseTo(moments.covariance[i]!, 14));
});

test('other names of the arrays', () => {
  const { mean, covariance } = wanted;
  const file = (a: string, b: string): Uint8Array =>
    encodeNpz({ [a]: hostTensor([3], mean), [b]: hostTensor([3, 3], covariance) });
  expect(momentsFromNpz(file('ref_mu', 'ref_sigma'), options)).toEqual(wanted);
  expect(momentsFromNpz(file('m', 's'), { ...options, names: ['m', 's'] })).toEqual(wanted);
  expect(() => momentsFromNpz(file('mu', 's'), options)).toThrow(/got "mu, s"; give `names`/);
  expect(momentsFromNpz(fixture('compressed.npz'), { ...options, names: ['mu_s', 'sigma_s'] }).width).toBe(2);
});

test('statistics of another protocol are refused by the metric', () => {
  const reference = momentsFromNpz(fixture('stored.npz'), { ...options, resize: 'bilinear-299' });
  expect(() => frechetDistance(wanted, reference)).toThrow(ProtocolError);
  expect(frechetDistance(wanted, momentsFromNpz(fixture('stored.npz'), options)).value).toBeLessThan(1e-6);
});

test('what is no mean and covariance is refused', () => {
  const sigma = Float64Array.of(2, 1, 1, 2);
  const file = (mu: Float64Array, matrix: Float64Array, shape = [2, 2]): Uint8Array =>
    encodeNpz({ mu: hostTensor([mu.length], mu), sigma: hostTensor(shape, matrix) });
  const mu = Float64Array.of(0, 1);
  expect(momentsFromNpz(file(mu, sigma), options).width).toBe(2);
  for (const [bytes, message] of [
    [file(Float64Array.of(0, 1, 2), sigma), /got \[3\] and \[2, 2\]/],
    [file(mu, sigma, [4]), /got \[2\] and \[4\]/],
    [file(Float64Array.of(0, NaN), sigma), /the number NaN/],
    [file(mu, sigma.with(3, Infinity)), /the number Infinity/],
    [file(mu, sigma.with(0, -1)), /the variance -1 at 0/],
    [file(mu, sigma.with(1, 0.9)), /not symmetric: 1 at 1, 0 and 0\.9 at 0, 1/],
  ] as const) {
    const read = (): unknown => momentsFromNpz(bytes, { ...options, file: 'a.npz' });
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow(message);
  }
  expect(() => momentsFromNpz(file(mu, sigma), { ...options, count: 1 })).toThrow(ConfigError);
  expect(() => momentsFromNpz(file(mu, sigma), { ...options, maxBytes: 100 })).toThrow(/maxBytes is 100/);
});

import { CheckpointError, quoted } from '@flowmap/core';
import { hostTensor, requireKnownOptions, requireWhole } from '@flowmap/tensor';
import type { FeatureSource } from '../features.js';
import { doubles } from '../internal/doubles.js';
import type { Moments } from '../moments.js';
import { decodeNpz, encodeNpz, npzNames } from './npz.js';

/** What a `.npz` file of statistics does not record, and how to read it. */
export interface NpzMomentsOptions extends FeatureSource {
  /** Number of samples from which it was made, at least 2: 50,000 for CIFAR-10. */
  readonly count: number;
  /** Names of mean and covariance; `mu` and `sigma`, or else `ref_mu` and `ref_sigma`, unless given. */
  readonly names?: readonly [mean: string, covariance: string];
  /** Name of the file in error messages; `statistics.npz` unless given. */
  readonly file?: string;
  /**
   * The most bytes that the two arrays may take when unpacked; eight times the file's size plus 16 MiB unless
   * given.
   */
  readonly maxBytes?: number;
}

/** The names used by tools: EDM, ADM and pytorch-fid, then MeanFlow. */
const NAMES = [
  ['mu', 'sigma'],
  ['ref_mu', 'ref_sigma'],
] as const;

/** Largest difference of a covariance from its transpose, relative to its largest variance: rounding of float32. */
const ASYMMETRY = 1e-5;

/**
 * Reads reference statistics as EDM, ADM and pytorch-fid keep them: `.npz` files with a mean and a covariance. They do
 * not record what was measured, so the network, its weights, the way of resizing and the number of samples must be
 * given, and are trusted.
 *
 * @param bytes the whole file; other arrays are not unpacked
 * @param options.extractor the network of the features, as in the protocols of what they will be compared with
 * @param options.weights hash of its weights; null if it is unknown
 * @param options.resize how the images were resized: `tf1-bilinear-299`
 * @returns moments for `frechetDistance` and `frechetReference`
 * @throws {CheckpointError} for a file that `decodeNpz` refuses or that lacks these arrays, or whose arrays are not a
 *   mean `[d]` and a covariance `[d, d]`: not finite, not symmetric, or with a negative variance
 * @throws {ConfigError} for a count that is not a whole number >= 2
 *
 * @example
 * const inception = { extractor: 'inception-2015-12-05', weights: null, resize: 'tf1-bilinear-299' };
 * const reference = momentsFromNpz(await readFile('cifar10-32x32.npz'), { ...inception, count: 50_000 });
 */
export function momentsFromNpz(bytes: Uint8Array, options: NpzMomentsOptions): Moments {
  requireKnownOptions('momentsFromNpz', options, {
    count: true,
    names: true,
    file: true,
    maxBytes: true,
    extractor: true,
    weights: true,
    resize: true,
  });
  const { extractor, weights, resize, count, file = 'statistics.npz', maxBytes } = options;
  requireWhole('momentsFromNpz.count', count, 2);
  const [meanName, covarianceName] = options.names ?? namesOf(bytes, file);
  const arrays = decodeNpz(bytes, file, {
    arrays: [meanName, covarianceName],
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
  const [mean, covariance] = [arrays[meanName]!, arrays[covarianceName]!];
  const width = mean.data.length;
  const isSquare = covariance.shape.length === 2 && covariance.shape.every((extent) => extent === width);
  if (mean.shape.length !== 1 || !isSquare) {
    const got = `[${mean.shape.join(', ')}] and [${covariance.shape.join(', ')}]`;
    throw new CheckpointError(file, `wanted ${meanName} [d] and ${covarianceName} [d, d], got ${got}`);
  }
  const moments: Moments = {
    count,
    width,
    mean: doubles(mean.data as Float32Array),
    covariance: doubles(covariance.data as Float32Array),
    source: { extractor, weights, resize },
  };
  requireMoments(moments, file);
  return moments;
}

/** Moments as a `.npz` file with `mu` and `sigma` in float64, for NumPy and the tools that read such statistics. */
export function momentsToNpz({ width, mean, covariance }: Moments): Uint8Array {
  return encodeNpz({ mu: hostTensor([width], mean), sigma: hostTensor([width, width], covariance) });
}

function namesOf(bytes: Uint8Array, file: string): readonly [mean: string, covariance: string] {
  const present = npzNames(bytes, file);
  const names = NAMES.find((pair) => pair.every((name) => present.includes(name)));
  if (names !== undefined) return names;
  const wanted = NAMES.map((pair) => pair.join(', ')).join(' or ');
  throw new CheckpointError(file, `wanted the arrays ${wanted}, got ${quoted(present.join(', '))}; give \`names\``);
}

/** Throws a {@link CheckpointError} for arrays that cannot be a mean and a covariance. */
function requireMoments({ width, mean, covariance }: Moments, file: string): void {
  for (const values of [mean, covariance]) {
    const wrong = values.find((value) => !Number.isFinite(value));
    if (wrong !== undefined) throw new CheckpointError(file, `its statistics hold the number ${wrong}`);
  }
  let largest = 0;
  for (let i = 0; i < width; i++) {
    const variance = covariance[i * width + i]!;
    if (variance < 0) throw new CheckpointError(file, `its covariance has the variance ${variance} at ${i}`);
    largest = Math.max(largest, variance);
  }
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < i; j++) {
      const [below, above] = [covariance[i * width + j]!, covariance[j * width + i]!];
      if (Math.abs(below - above) > ASYMMETRY * largest) {
        throw new CheckpointError(
          file,
          `its covariance is not symmetric: ${below} at ${i}, ${j} and ${above} at ${j}, ${i}`,
        );
      }
    }
  }
}

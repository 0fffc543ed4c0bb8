import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import type { Dataset } from '../plugins.js';

/** Statistics of the values of some samples. */
export interface SampleStatistics {
  /** Number of samples that were read. */
  readonly samples: number;
  readonly mean: number;
  readonly deviation: number;
  readonly min: number;
  readonly max: number;
}

/** Number of samples read at a time. */
const AT_A_TIME = 16;

/**
 * Mean, standard deviation and range of the values of samples, which are read in order, 16 at a time.
 *
 * @param options.samples the most samples to read, spread evenly over the dataset; 256 unless given
 * @throws {ConfigError} for an unknown option, or when `samples` is not a whole number >= 1
 */
export async function sampleStatistics(
  dataset: Pick<Dataset, 'length' | 'batch'>,
  options: { readonly samples?: number } = {},
): Promise<SampleStatistics> {
  requireKnownOptions('sampleStatistics', options, { samples: true });
  const { samples = 256 } = options;
  requireWhole('sampleStatistics.samples', samples);
  const count = Math.min(samples, dataset.length);
  const spread = Number.isFinite(dataset.length) ? dataset.length / count : 1;
  let [values, sum, squares, min, max] = [0, 0, 0, Infinity, -Infinity];
  for (let first = 0; first < count; first += AT_A_TIME) {
    const length = Math.min(AT_A_TIME, count - first);
    const { x } = await dataset.batch(Array.from({ length }, (_, i) => Math.floor((first + i) * spread)));
    for (const value of x) {
      sum += value;
      squares += value * value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    values += x.length;
  }
  const mean = sum / values;
  return { samples: count, mean, deviation: Math.sqrt(Math.max(0, squares / values - mean * mean)), min, max };
}

/**
 * A dataset described in one line: `data: 1,906 samples of [3, 24, 24], 9 classes; values -1.00 to 1.00, mean
 * 0.52, deviation 0.61 (of 256)`.
 */
export function dataLine(
  { length, shape, classes }: Pick<Dataset, 'length' | 'shape' | 'classes'>,
  { samples, mean, deviation, min, max }: SampleStatistics,
): string {
  const count = Number.isFinite(length) ? `${length.toLocaleString('en-GB')} samples` : 'endless samples';
  const of = classes.length > 0 ? `, ${classes.length} ${classes.length === 1 ? 'class' : 'classes'}` : '';
  const seen = samples < length ? ` (of ${samples})` : '';
  const [low, high, centre, width] = [min, max, mean, deviation].map((value) => value.toFixed(2));
  return `data: ${count} of [${shape.join(', ')}]${of}; values ${low!} to ${high!}, mean ${centre!}, deviation ${width!}${seen}`;
}

/** How far values may lie outside [-1, 1], as those of resized images do. */
const MARGIN = 0.1;

/**
 * What is wrong with the range of images, which should fill [-1, 1]: values outside it, or only values in [0, 1] or [0,
 * 255]; undefined if nothing is wrong, or if the samples are not images of 1 or 3 channels.
 */
export function rangeWarning(
  { name, shape }: Pick<Dataset, 'name' | 'shape'>,
  statistics: SampleStatistics,
): string | undefined {
  if (shape.length !== 3 || !(shape[0] === 1 || shape[0] === 3)) return undefined;
  const { min, max } = statistics;
  const range = `the images of '${name}' have values from ${min.toPrecision(3)} to ${max.toPrecision(3)}`;
  if (min < -1 - MARGIN || max > 1 + MARGIN)
    return `${range}, and should lie in -1 … 1; is a scale missing, x / 127.5 - 1?`;
  return min >= 0 && max > MARGIN ? `${range}, and should fill -1 … 1; is a scale missing, 2 x - 1?` : undefined;
}

/** What a dataset is like. */
export interface DataReport {
  /** The dataset described in one line; see {@link dataLine}. */
  readonly line: string;
  /** What is wrong with the range of images; undefined if nothing is wrong. See {@link rangeWarning}. */
  readonly warning: string | undefined;
  readonly statistics: SampleStatistics;
}

/** Reads 256 samples of a dataset and describes it. */
export async function dataReport(
  dataset: Pick<Dataset, 'name' | 'length' | 'shape' | 'classes' | 'batch'>,
): Promise<DataReport> {
  const statistics = await sampleStatistics(dataset);
  return { line: dataLine(dataset, statistics), warning: rangeWarning(dataset, statistics), statistics };
}

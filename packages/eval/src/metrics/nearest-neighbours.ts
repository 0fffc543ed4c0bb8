import { hostTensor, sizeOf, type HostTensor } from '@flowmap/tensor';
import { FeatureError, TooFewSamplesError } from '../errors.js';
import type { Batches } from '../extractors/extractor.js';
import { features } from '../features.js';
import { eachTile } from '../internal/distances.js';

/** The sample of the data that is nearest to a generated one. */
export interface Neighbour {
  /** Its index among the samples of the data. */
  readonly index: number;
  /** The root of the mean squared difference of their values. */
  readonly distance: number;
}

/**
 * The sample of the data nearest to each of some samples, compared value by value: a student that has memorised the
 * data has neighbours at a distance of almost 0. Only one batch of the data is in memory at a time.
 *
 * @param samples `[n, …]`; images as they are, or features
 * @param data batches of the same shape, such as `datasetBatches(data)`
 * @returns the neighbours, and their values `[n, …]`
 * @throws {FeatureError} for batches of another shape, and for a NaN
 * @throws {TooFewSamplesError} without data
 */
export async function nearestNeighbours(
  samples: HostTensor,
  data: Batches,
): Promise<{ readonly neighbours: readonly Neighbour[]; readonly samples: HostTensor }> {
  const own = features(samples);
  const size = sizeOf(samples.shape.slice(1));
  const nearest = Array.from({ length: own.count }, () => ({ index: -1, squared: Infinity }));
  const values = new Float32Array(own.count * size);
  let done = 0;
  for await (const batch of data) {
    if (batch.shape.slice(1).join() !== samples.shape.slice(1).join()) {
      const wanted = `wanted data [count, ${samples.shape.slice(1).join(', ')}]`;
      throw new FeatureError('nearestNeighbours', `${wanted}, got [${batch.shape.join(', ')}]`);
    }
    const others = features(batch);
    eachTile(own, others, ({ first, rows, left, columns, squared }) => {
      for (let i = 0; i < rows; i++) {
        const best = nearest[first + i]!;
        for (let j = 0; j < columns; j++) {
          if (squared[i * columns + j]! >= best.squared) continue;
          best.squared = squared[i * columns + j]!;
          best.index = done + left + j;
          values.set(others.values.subarray((left + j) * size, (left + j + 1) * size), (first + i) * size);
        }
      }
    });
    done += others.count;
  }
  if (done === 0) throw new TooFewSamplesError('nearestNeighbours', 1, 0, 'data');
  const neighbours = nearest.map(({ index, squared }) => ({ index, distance: Math.sqrt(squared / size) }));
  return { neighbours, samples: hostTensor(samples.shape, values) };
}

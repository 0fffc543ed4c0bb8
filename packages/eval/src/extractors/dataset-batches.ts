import type { Dataset } from '@flowmap/core';
import { hostTensor, requireKnownOptions, requireWhole, type HostTensor } from '@flowmap/tensor';

/**
 * The samples of a dataset in order, each once, for `extractMoments` and `extractFeatures`.
 *
 * @param options.batchSize samples in a batch, except the last; 64 unless given
 * @param options.count number of samples, from the first; all unless given. Required for an endless dataset
 * @throws {ConfigError} for a batch size that is not a whole number >= 1, a count that is invalid or exceeds the
 *   dataset's length, and an endless dataset without a count
 *
 * @example
 * const reference = (await extractMoments(extractor, datasetBatches(data))).moments();
 */
export async function* datasetBatches(
  dataset: Dataset,
  options: { readonly batchSize?: number; readonly count?: number } = {},
): AsyncGenerator<HostTensor> {
  requireKnownOptions('datasetBatches', options, { batchSize: true, count: true });
  const { batchSize = 64, count = dataset.length } = options;
  requireWhole('datasetBatches.batchSize', batchSize);
  requireWhole('datasetBatches.count', count);
  for (let first = 0; first < count; first += batchSize) {
    const size = Math.min(batchSize, count - first);
    const { x } = await dataset.batch(Array.from({ length: size }, (_, i) => first + i));
    yield hostTensor([size, ...dataset.shape], x);
  }
}

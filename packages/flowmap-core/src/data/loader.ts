import { ConfigError } from '../errors.js';
import { requireKnownOptions, requireMember, requireWhole } from '@flowmap/tensor';
import type { Batch, Dataset } from '../plugins.js';
import { checkBatch } from './check-batch.js';
import { randomMirror } from './mirror.js';
import { shuffledIndices } from './order.js';

/** How {@link loader} walks through a dataset. */
export interface LoaderOptions {
  /** Samples in a batch, at least 1; it need not divide the dataset's length and may exceed it. */
  readonly batchSize: number;
  /** Decides the order, and which images are mirrored. */
  readonly seed: number;
  /** Mirror each image left to right with probability 1/2, drawn anew each time it is used; false unless given. */
  readonly flip?: boolean;
}

/** The batches of a training run, each a function of its step alone. */
export interface Loader {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /**
   * The batch of one training step: positions `step batchSize` to `(step + 1) batchSize - 1` of the stream.
   *
   * @param step counted from 0; steps may be read in any order, so a resumed run gets the batches that it would have
   *   got
   * @throws {ConfigError} when the step is not a whole number >= 0
   * @throws {DataError} when the dataset returns more or fewer values, or rows of a condition, than it was asked for
   * @throws {SampleError} naming a sample that has a condition out of range, or holds a NaN or an infinity
   */
  batch(step: number): Promise<Batch>;
}

/**
 * Deals a dataset out in batches, in an order decided by the seed.
 *
 * The samples form one endless stream: a fresh permutation of the dataset for each epoch, one epoch after the other. A
 * batch that reaches the end of an epoch continues into the next. The stream does not depend on the batch size. For a
 * distribution (a dataset of infinite length) position p is simply draw p. While one step trains, the next step's batch
 * is already being read. Every batch is checked before it is handed out.
 *
 * @throws {ConfigError} for an unknown option, or when `batchSize` or `seed` is not a whole number, the dataset is empty, or `flip` is set for
 *   something other than images
 */
export function loader(dataset: Dataset, options: LoaderOptions): Loader {
  requireMember('loader.dataset', dataset, { member: 'batch', wanted: 'a dataset, such as `checkerboard()`' });
  requireKnownOptions('loader', options, { batchSize: true, seed: true, flip: true });
  const { batchSize, seed, flip = false } = options;
  requireWhole('loader.batchSize', batchSize);
  requireWhole('loader.seed', seed, 0);
  if (!(dataset.length > 0)) throw new ConfigError('loader.dataset', `'${dataset.name}' has no samples`);
  const indexAt = Number.isFinite(dataset.length) ? shuffledIndices(dataset.length, seed) : (p: number): number => p;
  const mirror = flip ? randomMirror(dataset.shape, seed) : undefined;

  const read = async (step: number): Promise<Batch> => {
    const first = step * batchSize;
    const indices = Array.from({ length: batchSize }, (_, i) => indexAt(first + i));
    const batch = await dataset.batch(indices);
    checkBatch(dataset, indices, batch);
    return mirror ? { ...batch, x: mirror(batch.x, first) } : batch;
  };

  let ahead: { readonly step: number; readonly batch: Promise<Batch> } | undefined;
  const readAhead = (step: number): void => {
    if (ahead?.step === step) return;
    const batch = read(step);
    batch.catch(() => undefined); // reported to whoever asks for this step
    ahead = { step, batch };
  };

  return {
    dataset,
    batchSize,
    async batch(step) {
      requireWhole('loader.batch.step', step, 0);
      const current = ahead?.step === step ? ahead.batch : read(step);
      ahead = undefined; // a failed read is not handed out twice
      const batch = await current;
      readAhead(step + 1);
      return batch;
    },
  };
}

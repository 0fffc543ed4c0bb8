import type { Batch, Dataset } from '@flowmap/core';
import { uniforms } from '@flowmap/core';
import { badArgument, checkImageShape, checkInteger } from './internal/checks.js';
import { mirrorSample } from './internal/mirror.js';
import { permutation } from './internal/permutation.js';
import { streamKey } from './internal/stream-key.js';

/** How {@link loader} walks through a dataset. */
export interface LoaderOptions {
  /** Samples in a batch, at least 1; it need not divide the dataset's length and may exceed it. */
  readonly batchSize: number;
  /** Decides the order, and which images are mirrored. */
  readonly seed: number;
  /** Mirror each image left to right with probability 1/2, drawn anew each time it comes up; default false. */
  readonly flip?: boolean;
}

/** The batches of a training run, each a function of its step alone. */
export interface Loader {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /**
   * The batch of one training step: positions `step · batchSize … (step + 1) · batchSize − 1` of the stream.
   *
   * @param step counted from 0; any order, so that a resumed run gets the batches it would have got
   * @throws {ConfigError} when the step is not an integer of at least 0
   */
  batch(step: number): Promise<Batch>;
}

/**
 * Deals a dataset out in batches, in an order decided by the seed.
 *
 * The samples form one endless stream: a fresh permutation of the dataset for each epoch, one epoch after the other; a
 * batch that reaches the end of an epoch goes on into the next. The stream does not depend on the batch size. For a
 * distribution (a dataset of infinite length) position p is simply draw p. While one step trains, the next step's
 * batch is already being read.
 *
 * @throws {ConfigError} when `batchSize` is not a positive integer, the dataset is empty, or `flip` is asked of
 *   something that is not images
 *
 * @example
 * ```ts
 * import { checkerboard, loader } from '@flowmap/data';
 *
 * const batches = loader(checkerboard(), { batchSize: 256, seed: 0 });
 * const { x } = await batches.batch(0); // 256 points, 512 numbers
 * ```
 */
export function loader(dataset: Dataset, { batchSize, seed, flip = false }: LoaderOptions): Loader {
  checkInteger('loader', 'batchSize', batchSize, 1);
  checkInteger('loader', 'seed', seed, 0);
  if (!(dataset.length > 0)) throw badArgument('loader', 'dataset', 'of one or more samples', 'none');
  const indexAt = Number.isFinite(dataset.length) ? shuffledIndices(dataset.length, seed) : (p: number): number => p;
  const mirror = flip ? randomMirror(dataset.shape, seed) : undefined;

  const read = async (step: number): Promise<Batch> => {
    const first = step * batchSize;
    const batch = await dataset.batch(Array.from({ length: batchSize }, (_, i) => indexAt(first + i)));
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
      checkInteger('loader.batch', 'step', step, 0);
      const current = ahead?.step === step ? ahead.batch : read(step);
      ahead = undefined; // a failed read is not handed out twice
      const batch = await current;
      readAhead(step + 1);
      return batch;
    },
  };
}

/** Position in the stream → index in the dataset; keeps the permutations of the two epochs used last. */
function shuffledIndices(length: number, seed: number): (position: number) => number {
  const epochs = new Map<number, Uint32Array>();
  return (position) => {
    const epoch = Math.floor(position / length);
    let order = epochs.get(epoch);
    if (!order) {
      order = permutation(length, seed, epoch);
      epochs.set(epoch, order);
      const [oldest] = epochs.keys();
      if (epochs.size > 2 && oldest !== undefined) epochs.delete(oldest);
    }
    return order[position - epoch * length]!;
  };
}

/** Mirrors the images of a batch that starts at a position of the stream, one coin per position. */
function randomMirror(shape: readonly number[], seed: number): (x: Float32Array, first: number) => Float32Array {
  checkImageShape('loader with flip', shape);
  const [channels, height, width] = shape;
  const size = channels * height * width;
  return (x, first) => {
    const mirrored = x.slice();
    for (let i = 0; i * size < x.length; i++) {
      const [coin] = uniforms(streamKey(seed, 'flip', first + i), 1);
      if (coin! < 0.5) mirrorSample(mirrored, i, size, width);
    }
    return mirrored;
  };
}

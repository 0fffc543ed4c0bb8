import type { HostTensor } from '@flowmap/tensor';
import { FeatureError } from '../errors.js';
import { requireFinite, type Features, type FeatureSource } from '../features.js';

/** What makes features of samples. */
export interface Extractor {
  /** Its name, the hash of its weights, and how it resizes: part of every protocol. */
  readonly source: FeatureSource;
  /**
   * Features of samples.
   *
   * @param samples `[n, …]`, any n
   * @returns floats `[n, width]`, of a width that is always the same
   */
  extract(samples: HostTensor): Promise<HostTensor>;
  /** Releases what it holds on a device; those that hold nothing do without. */
  dispose?(): Promise<void>;
}

/** Batches of samples, one after the other: an array, or what reads them as they are needed. */
export type Batches = Iterable<HostTensor> | AsyncIterable<HostTensor>;

/**
 * Features of samples batch by batch, each checked: for moments, which need no more than a batch at a time.
 *
 * @throws {FeatureError} for features that are not `[n, width]` of one width, or hold a NaN or an infinity, naming the sample
 */
export async function* extractBatches(extractor: Extractor, batches: Batches): AsyncGenerator<HostTensor> {
  let done = 0;
  let width: number | undefined;
  for await (const batch of batches) {
    const result = await extractor.extract(batch);
    const { shape, data, dtype } = result;
    width ??= shape[1];
    const [count = 0] = batch.shape;
    const isFloat = data instanceof Float32Array || data instanceof Float64Array;
    if (shape.length !== 2 || shape[0] !== count || shape[1] !== width || !isFloat) {
      const wanted = `wanted floats [${count}, ${width ?? 'width'}]`;
      throw new FeatureError(extractor.source.extractor, `${wanted}, got ${dtype} [${shape.join(', ')}]`);
    }
    requireFinite(extractor.source.extractor, data, width!, done);
    done += count;
    yield result;
  }
}

/**
 * Features of all samples, held in memory: for the metrics that need them as a whole.
 *
 * @throws what {@link extractBatches} does, and {@link FeatureError} for no batch at all
 */
export async function extractFeatures(extractor: Extractor, batches: Batches): Promise<Features> {
  const parts: HostTensor[] = [];
  for await (const part of extractBatches(extractor, batches)) parts.push(part);
  const width = parts[0]?.shape[1];
  if (width === undefined) throw new FeatureError('extractFeatures', 'wanted at least one batch of samples, got none');
  const count = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const isDouble = parts.some(({ data }) => data instanceof Float64Array);
  const values = isDouble ? new Float64Array(count * width) : new Float32Array(count * width);
  let at = 0;
  for (const { data } of parts) {
    values.set(data, at);
    at += data.length;
  }
  return { count, width, values, source: extractor.source };
}

import type { HostTensor } from '@flowmap/tensor';
import { FeatureError } from '../errors.js';
import { requireFinite, type Features, type FeatureSource } from '../features.js';

/** Computes features from samples. */
export interface Extractor {
  /** Name, hash of the weights, and way of resizing: part of every protocol. */
  readonly source: FeatureSource;
  /**
   * Features of samples. It may be called again before it has settled.
   *
   * @param samples `[n, …]`, any n; they must stay as they are until it settles
   * @returns floats `[n, width]`, always of the same width
   */
  extract(samples: HostTensor): Promise<HostTensor>;
  /** Releases what it holds on a device; absent if it holds nothing. */
  dispose?(): Promise<void>;
}

/** Batches of samples: an array, or an iterable that reads them as needed, each into an array of its own. */
export type Batches = Iterable<HostTensor> | AsyncIterable<HostTensor>;

/**
 * Checked features of samples batch by batch, for moments, which need only one batch at a time. The next batch is read and
 * prepared while the features of one are computed.
 *
 * @throws {FeatureError} for features that are not `[n, width]` of one width, or hold a NaN or an infinity, naming the
 *   sample
 */
export async function* extractBatches(extractor: Extractor, batches: Batches): AsyncGenerator<HostTensor> {
  let done = 0;
  let width: number | undefined;
  for await (const { count, result } of inAdvance(extractor, batches)) {
    const { shape, data, dtype } = result;
    width ??= shape[1];
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
 * Features of batches and the numbers of their samples; the extractor gets the next batch before it has
 * finished one.
 */
async function* inAdvance(
  extractor: Extractor,
  batches: Batches,
): AsyncGenerator<{ count: number; result: HostTensor }> {
  const started = async (batch: HostTensor): Promise<{ count: number; result: HostTensor }> => ({
    count: batch.shape[0] ?? 0,
    result: await extractor.extract(batch),
  });
  let coming: ReturnType<typeof started> | undefined;
  for await (const batch of batches) {
    const next = started(batch);
    next.catch(() => undefined); // reported when it is awaited, unless the previous one fails
    if (coming !== undefined) yield await coming;
    coming = next;
  }
  if (coming !== undefined) yield await coming;
}

/**
 * Features of all samples in memory, for metrics that need them as a whole.
 *
 * @throws what {@link extractBatches} does, and {@link FeatureError} if there are no batches
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

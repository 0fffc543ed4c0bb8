import { FeatureError } from '../errors.js';
import { featureMoments, type FeatureMoments } from '../moments.js';
import { extractBatches, type Batches, type Extractor } from './extractor.js';

/**
 * Moments of the features of samples, with only one batch in memory at a time.
 *
 * @throws {FeatureError} for features that are not `[n, width]` of one width, for a NaN or an infinity, naming the
 *   sample, and if there are no batches
 */
export async function extractMoments(extractor: Extractor, batches: Batches): Promise<FeatureMoments> {
  let moments: FeatureMoments | undefined;
  for await (const part of extractBatches(extractor, batches)) {
    moments ??= featureMoments(part.shape[1]!, extractor.source);
    moments.add(part);
  }
  if (moments === undefined) throw new FeatureError('extractMoments', 'wanted at least one batch of samples, got none');
  return moments;
}

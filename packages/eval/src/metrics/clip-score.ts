import type { Features } from '../features.js';
import { FeatureError } from '../errors.js';
import { requireComparable } from '../internal/checks.js';
import { hashOfFeatures, protocolOf, type MetricResult } from '../protocol.js';

/**
 * CLIP score as torchmetrics reports it: 100 times the mean cosine between each image's features and those of its text,
 * or 0 if that is negative. If no cosine is negative, it is 40 times the score of Hessel et al. (2021), `2.5 max(cos,
 * 0)`.
 *
 * @param images features of images by `clip`
 * @param texts features of the texts that they should show, in the same order
 * @returns a value from 0 to 100
 * @throws {TooFewSamplesError} if there are no images
 * @throws {FeatureError} for different numbers of images and texts, and for features that are all 0, naming the
 *   sample
 * @throws {ProtocolError} for features of images and texts from different networks
 */
export function clipScore(images: Features, texts: Features): MetricResult {
  requireComparable('clipScore', images, texts, 1);
  if (images.count !== texts.count) {
    throw new FeatureError('clipScore', `wanted a text for each image, got ${images.count} and ${texts.count}`);
  }
  let sum = 0;
  for (let i = 0; i < images.count; i++) sum += cosine(images, texts, i);
  return {
    value: Math.max(0, (100 * sum) / images.count),
    protocol: protocolOf('clip-score(100 cos)', images, { reference: hashOfFeatures(texts) }),
  };
}

function cosine({ values, width }: Features, { values: others }: Features, sample: number): number {
  let [product, own, other] = [0, 0, 0];
  for (let i = sample * width; i < (sample + 1) * width; i++) {
    product += values[i]! * others[i]!;
    own += values[i]! ** 2;
    other += others[i]! ** 2;
  }
  if (own === 0 || other === 0) throw new FeatureError('clipScore', `sample ${sample} has no direction`, sample);
  return product / Math.sqrt(own * other);
}

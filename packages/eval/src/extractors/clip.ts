import { requireKnownOptions, type HostTensor, type HostTensors, type Runtime } from '@flowmap/tensor';
import { FeatureError } from '../errors.js';
import { hashOf } from '../internal/sha256.js';
import { clipImageNetwork, clipTextNetwork, type ClipTextConfig } from '../networks/clip.js';
import { clipParameters } from '../networks/clip-parameters.js';
import { resizeImages } from '../preprocessing/resize-images.js';
import { normalized } from './dinov2.js';
import type { Extractor } from './extractor.js';
import { imageExtractor } from './image-extractor.js';
import { moduleExtractor } from './module-extractor.js';

/** Options of {@link clip}. */
export interface ClipOptions {
  readonly runtime: Runtime;
  /**
   * Tensors of `loadWeights('clip')`, ViT-L/14, or `loadWeights('clip-b32')` of `@flowmap/eval/node`, or of another file of
   * `transformers`.
   */
  readonly weights: HostTensors;
  /** Images or texts per run of a network; 16 unless given. */
  readonly batchSize?: number;
}

/** Both encoders of CLIP, whose features are compared with each other. */
export interface Clip {
  /** The extractor of images `[n, 1 or 3, height, width]`, -1 (black) to 1 (white). */
  readonly images: Extractor;
  /** The extractor of texts as tokens from `clipTokenizer`, int32 `[n, 77]`. */
  readonly texts: Extractor;
  /** Releases both. */
  dispose(): Promise<void>;
}

/** Mean and deviation of pixels in [0, 1] with which CLIP was trained. */
const [mean, deviation] = [
  [0.48145466, 0.4578275, 0.40821073],
  [0.26862954, 0.26130258, 0.27577711],
];

/**
 * CLIP (Radford et al., 2021), whose features of an image and a text point in the same direction if the two belong
 * together, for `clipScore`. Images are quantised to 8 bits, resized so that their shorter side has 224 pixels, with
 * Pillow's bicubic filter, and cropped to the middle.
 *
 * @returns extractors of the features before normalisation: 768 for ViT-L/14, 512 for ViT-B/32
 * @throws {CheckpointError} for weights that do not fit, naming the first tensor that is missing, has another shape or a
 *   value that is not finite
 * @throws {ConfigError} for a batch size that is not a whole number >= 1
 *
 * @example
 * const { images, texts } = await clip({ runtime: await onnxRuntime(), weights: await loadWeights('clip') });
 * const tokenize = clipTokenizer(await loadClipMerges());
 * const score = clipScore(
 *   await extractFeatures(images, [pictures]),
 *   await extractFeatures(texts, [tokenize(['a red bicycle', 'a cat on a sofa'])]),
 * );
 */
export async function clip(options: ClipOptions): Promise<Clip> {
  requireKnownOptions('clip', options, { runtime: true, weights: true, batchSize: true });
  const { runtime, weights, batchSize = 16 } = options;
  const { images, texts } = clipParameters(weights, 'weights of clip');
  const { width, patch, size } = images.config;
  const sizes: Readonly<Record<number, string>> = { 768: 'b', 1024: 'l' };
  const name = `clip-vit-${sizes[width] ?? width}${patch}`;
  const ofImages = await imageExtractor({
    name,
    runtime,
    module: clipImageNetwork(images.config),
    params: images.params,
    shape: [3, size, size],
    prepare: (batch) => normalized(resizeImages(batch, size, 'pillow-bicubic', { crop: true }), mean, deviation),
    batchSize,
    resize: `pillow-bicubic-crop-${size}`,
  });
  const ofTexts = await moduleExtractor({
    name,
    runtime,
    module: clipTextNetwork(texts.config),
    params: texts.params,
    shape: [texts.config.length],
    dtype: 'int32',
    prepare: (batch) => requireTokens(`${name} of texts`, batch, texts.config),
    batchSize,
  });
  // One source for both, so that features of different weights are not compared.
  const hashes = [ofImages, ofTexts].map(({ source }) => source.weights).join();
  const source = { ...ofImages.source, weights: hashOf(new TextEncoder().encode(hashes)) };
  return {
    images: { ...ofImages, source },
    texts: { ...ofTexts, source },
    async dispose() {
      await Promise.all([ofImages.dispose(), ofTexts.dispose()]);
    },
  };
}

/** Throws a {@link FeatureError} for anything that this network's tokenizer cannot have made. */
function requireTokens(
  operation: string,
  tokens: HostTensor,
  { vocabulary, length }: Pick<ClipTextConfig, 'vocabulary' | 'length'>,
): HostTensor {
  const { shape, data, dtype } = tokens;
  if (dtype !== 'int32' || shape.length !== 2 || shape[1] !== length) {
    throw new FeatureError(operation, `wanted tokens int32 [n, ${length}], got ${dtype} [${shape.join(', ')}]`);
  }
  for (let text = 0; text < shape[0]!; text++) {
    const own = (data as Int32Array).subarray(text * length, (text + 1) * length);
    if (own.every((token) => token >= 0 && token < vocabulary) && own.includes(vocabulary - 1)) continue;
    const wanted = `wanted tokens from 0 to ${vocabulary - 1}, the last of which ends a text`;
    throw new FeatureError(operation, `text ${text} is of another tokenizer: ${wanted}`, text);
  }
  return tokens;
}

import { decodeSafetensors } from '@flowmap/core';
import { hostTensor, requireKnownOptions, type HostTensors, type Runtime } from '@flowmap/tensor';
import { EFFICIENTNET_LITE0_SIZE, efficientNetLite0Features } from '../networks/efficientnet-lite0.js';
import { resizeImages } from '../preprocessing/resize-images.js';
import type { Extractor } from './extractor.js';
import { imageExtractor } from './image-extractor.js';

/** Options of {@link efficientNetLite0}. */
export interface EfficientNetLite0Options {
  readonly runtime: Runtime;
  /** The weights as a safetensors file: `weights()` of `@flowmap/efficientnet-lite0`. */
  readonly weights: Uint8Array;
  /** Images per run of the network; 32 unless given. */
  readonly batchSize?: number;
}

/**
 * An extractor that needs no download: EfficientNet-Lite0 trained on ImageNet, whose weights are in the package
 * `@flowmap/efficientnet-lite0`. Images of any size are quantised to 8 bits and resized to 224 x 224 with Pillow's
 * bicubic filter. Its distances are those of EfficientNet-Lite0, not FID; it does not notice a slight blur of small
 * images.
 *
 * @returns an extractor of images `[n, 1 or 3, height, width]`, -1 (black) to 1 (white), with 1280 features
 * @throws {CheckpointError} for weights that are not such a file
 * @throws {ConfigError} for a batch size that is not a whole number >= 1
 *
 * @example
 * const extractor = await efficientNetLite0({ runtime, weights: await weights(), batchSize: 8 });
 * const features = await extractFeatures(extractor, [images]);
 * await extractor.dispose();
 */
export async function efficientNetLite0(
  options: EfficientNetLite0Options,
): Promise<Extractor & { dispose(): Promise<void> }> {
  requireKnownOptions('efficientNetLite0', options, { runtime: true, weights: true, batchSize: true });
  const { runtime, weights, batchSize = 32 } = options;
  const name = 'efficientnet-lite0';
  return imageExtractor({
    name,
    runtime,
    module: efficientNetLite0Features(),
    params: floats(decodeSafetensors(weights, `weights of ${name}`).tensors),
    shape: [3, EFFICIENTNET_LITE0_SIZE, EFFICIENTNET_LITE0_SIZE],
    prepare(images) {
      const resized = resizeImages(images, EFFICIENTNET_LITE0_SIZE, 'pillow-bicubic');
      const pixels = resized.data as Float32Array;
      for (let i = 0; i < pixels.length; i++) pixels[i] = (pixels[i]! - 127) / 128;
      return resized;
    },
    batchSize,
    resize: `pillow-bicubic-${EFFICIENTNET_LITE0_SIZE}`,
  });
}

/** Two-byte tensors as float32. */
function floats(tensors: HostTensors): HostTensors {
  const entries = Object.entries(tensors).map(([name, { shape, data }]) => [
    name,
    hostTensor(shape, data as Float32Array),
  ]);
  return Object.fromEntries(entries) as HostTensors;
}

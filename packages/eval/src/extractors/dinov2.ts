import { requireKnownOptions, type HostTensor, type HostTensors, type Runtime } from '@flowmap/tensor';
import { dinov2Network, dinov2Parameters } from '../networks/dinov2.js';
import { resizeImages } from '../preprocessing/resize-images.js';
import type { Extractor } from './extractor.js';
import { imageExtractor } from './image-extractor.js';

/** Options of {@link dinov2}. */
export interface Dinov2Options {
  readonly runtime: Runtime;
  /**
   * Tensors of `dinov2_vitl14_pretrain.pth`, `loadWeights('dinov2')` of `@flowmap/eval/node`, or of another size of the
   * network or a safetensors file of `transformers`.
   */
  readonly weights: HostTensors;
  /** Images per run of the network; 16 unless given. */
  readonly batchSize?: number;
}

const SIZE = 224;
/** Mean and deviation of ImageNet's pixels in [0, 1]. */
const [mean, deviation] = [
  [0.485, 0.456, 0.406],
  [0.229, 0.224, 0.225],
];

/**
 * An extractor with DINOv2, whose Fréchet distance is FD-DINOv2 (Stein et al., 2023): the class token after the last
 * norm, 1024 features for ViT-L/14. Images of any size are quantised to 8 bits and resized to 224 x 224 with Pillow's
 * bicubic filter, as in dgm-eval; position embeddings are resized as in the hub's code.
 *
 * @returns an extractor of images `[n, 1 or 3, height, width]`, -1 (black) to 1 (white)
 * @throws {CheckpointError} for weights that do not fit, naming the first tensor that is missing, has another shape or a
 *   value that is not finite, and for a network with registers
 * @throws {ConfigError} for a batch size that is not a whole number >= 1
 *
 * @example
 * const weights = await loadWeights('dinov2', { download: true });
 * const extractor = await dinov2({ runtime: await onnxRuntime(), weights });
 */
export async function dinov2(options: Dinov2Options): Promise<Extractor & { dispose(): Promise<void> }> {
  requireKnownOptions('dinov2', options, { runtime: true, weights: true, batchSize: true });
  const { runtime, weights, batchSize = 16 } = options;
  const { config, params } = dinov2Parameters(weights, 'weights of dinov2', { size: SIZE });
  const sizes: Readonly<Record<number, string>> = { 384: 's', 768: 'b', 1024: 'l' };
  const name = `dinov2-vit${sizes[config.width] ?? config.width}${config.patch}`;
  return imageExtractor({
    name,
    runtime,
    module: dinov2Network(config),
    params,
    shape: [3, SIZE, SIZE],
    prepare: (images) => normalized(resizeImages(images, SIZE, 'pillow-bicubic'), mean, deviation),
    batchSize,
    resize: `pillow-bicubic-${SIZE}`,
  });
}

/** `(p / 255 - mean) / deviation` of each channel, in place of the pixels. */
export function normalized(pixels: HostTensor, mean: readonly number[], deviation: readonly number[]): HostTensor {
  const values = pixels.data as Float32Array;
  const area = pixels.shape[2]! * pixels.shape[3]!;
  for (let plane = 0, at = 0; at < values.length; plane++) {
    const [middle, scale] = [mean[plane % 3]!, deviation[plane % 3]!];
    for (const end = at + area; at < end; at++) values[at] = (values[at]! / 255 - middle) / scale;
  }
  return pixels;
}

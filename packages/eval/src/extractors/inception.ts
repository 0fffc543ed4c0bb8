import { ConfigError } from '@flowmap/core';
import { requireKnownOptions, type HostTensors, type Runtime } from '@flowmap/tensor';
import { INCEPTION_SIZE, inceptionNetwork, inceptionParameters } from '../networks/inception.js';
import { resizeImages, type ResizeConvention } from '../preprocessing/resize-images.js';
import type { Extractor } from './extractor.js';
import { imageExtractor } from './image-extractor.js';

/**
 * How images become the network's, by the tool whose numbers are to be compared with:
 *
 * - `tensorflow`: TensorFlow 1's bilinear filter, `(p - 128) / 128`, as in ADM, EDM, StyleGAN and torch-fidelity.
 * - `pytorch-fid`: PyTorch's bilinear filter, `(p - 127.5) / 127.5`.
 * - `clean-fid`: Pillow's bicubic filter without rounding, `(p - 128) / 128`.
 */
export type InceptionConvention = 'tensorflow' | 'pytorch-fid' | 'clean-fid';

/** What an extractor of the Inception network makes. */
export type InceptionOutput = 'pool' | 'probabilities' | 'spatial';

/** Options of {@link inception}. */
export interface InceptionOptions {
  readonly runtime: Runtime;
  /** Tensors of `pt_inception-2015-12-05-6726825d.pth`: `loadWeights('inception')` of `@flowmap/eval/node`. */
  readonly weights: HostTensors;
  /** Tool whose numbers they are compared with; `tensorflow` unless given. */
  readonly convention?: InceptionConvention;
  /**
   * `pool` unless given: 2048 features for FID, KID, precision and recall. `probabilities`: of 1008 classes, without the
   * last layer's bias, for `inceptionScore`. `spatial`: 2023 features for sFID.
   */
  readonly output?: InceptionOutput;
  /** Images per run of the network; 32 unless given. */
  readonly batchSize?: number;
}

const conventions: Readonly<Record<InceptionConvention, { resize: ResizeConvention; middle: number }>> = {
  tensorflow: { resize: 'tf1-bilinear', middle: 128 },
  'pytorch-fid': { resize: 'bilinear', middle: 127.5 },
  'clean-fid': { resize: 'pillow-bicubic-float', middle: 128 },
};

/**
 * An extractor with the Inception network of 2015, whose features FID is defined by. Images of any size are quantised to
 * 8 bits, resized to 299 x 299 and scaled as a tool does it: distances compare with those of the same tool.
 *
 * @returns an extractor of images `[n, 1 or 3, height, width]`, -1 (black) to 1 (white)
 * @throws {CheckpointError} for weights that do not fit, naming the first tensor that is missing, has another shape or a
 *   value that is not finite
 * @throws {ConfigError} for an unknown convention or output, and a batch size that is not a whole number >= 1
 *
 * @example
 * const weights = await loadWeights('inception', { download: true });
 * const extractor = await inception({ runtime: await onnxRuntime(), weights });
 * const fid = frechetDistance((await extractMoments(extractor, [images])).moments(), reference);
 */
export async function inception(options: InceptionOptions): Promise<Extractor & { dispose(): Promise<void> }> {
  requireKnownOptions('inception', options, {
    runtime: true,
    weights: true,
    convention: true,
    output: true,
    batchSize: true,
  });
  const { runtime, weights, convention = 'tensorflow', output = 'pool', batchSize = 32 } = options;
  requireOneOf('inception.convention', convention, Object.keys(conventions));
  requireOneOf('inception.output', output, ['pool', 'probabilities', 'spatial']);
  const { resize, middle } = conventions[convention];
  const source = 'inception-2015-12-05';
  const name = output === 'pool' ? source : `${source}/${output}`;
  const network = inceptionNetwork();
  return imageExtractor({
    name,
    runtime,
    module: {
      ...network,
      apply(params, images) {
        const { pool, logits, spatial } = network.apply(params, images);
        return { pool, probabilities: logits.softmax(), spatial }[output];
      },
    },
    params: inceptionParameters(weights, `weights of ${source}`),
    shape: [3, INCEPTION_SIZE, INCEPTION_SIZE],
    prepare(images) {
      const resized = resizeImages(images, INCEPTION_SIZE, resize);
      const pixels = resized.data as Float32Array;
      for (let i = 0; i < pixels.length; i++) pixels[i] = (pixels[i]! - middle) / middle;
      return resized;
    },
    batchSize,
    resize: `${resize}-${INCEPTION_SIZE}`,
  });
}

function requireOneOf(option: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw new ConfigError(option, `wanted one of ${known.join(', ')}, got '${value}'`);
}

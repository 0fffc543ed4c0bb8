import { ConfigError } from '@flowmap/core';
import {
  concat,
  hostTensor,
  requireKnownOptions,
  type HostTensor,
  type HostTensors,
  type Runtime,
} from '@flowmap/tensor';
import type { FeatureSource } from '../features.js';
import { INCEPTION_SIZE, inceptionNetwork, inceptionParameters } from '../networks/inception.js';
import { resizeImages, type ResizeConvention } from '../preprocessing/resize-images.js';
import type { Extractor } from './extractor.js';
import { imageExtractor } from './image-extractor.js';

/**
 * How images are prepared for the network, named by the tool with whose numbers they are to be
 * compared:
 *
 * - `tensorflow`: TensorFlow 1's bilinear filter, `(p - 128) / 128`, as in ADM, EDM, StyleGAN and torch-fidelity.
 * - `pytorch-fid`: PyTorch's bilinear filter, `(p - 127.5) / 127.5`.
 * - `clean-fid`: Pillow's bicubic filter without rounding, `(p - 128) / 128`.
 */
export type InceptionConvention = 'tensorflow' | 'pytorch-fid' | 'clean-fid';

/** The kinds of features of the Inception network. */
export type InceptionOutput = 'pool' | 'probabilities' | 'spatial';

/** Options of {@link inception}. */
export interface InceptionOptions {
  readonly runtime: Runtime;
  /** Tensors of `pt_inception-2015-12-05-6726825d.pth`: `loadWeights('inception')` of `@flowmap/eval/node`. */
  readonly weights: HostTensors;
  /** The tool with whose numbers they are to be compared; `tensorflow` unless given. */
  readonly convention?: InceptionConvention;
  /**
   * `pool` unless given: 2048 features for FID, KID, precision and recall. `probabilities`: those of 1008 classes,
   * without the last layer's bias, for `inceptionScore`. `spatial`: 2023 features for sFID.
   */
  readonly output?: InceptionOutput;
  /** Images per run of the network; 32 unless given. */
  readonly batchSize?: number;
}

/** Options of {@link inceptionOutputs}: those of {@link inception}, with several outputs. */
export interface InceptionOutputsOptions<Output extends InceptionOutput> extends Omit<InceptionOptions, 'output'> {
  /** At least one, each once. */
  readonly outputs: readonly Output[];
}

/** Computes several kinds of features of the same samples at once. */
export interface OutputsExtractor<Output extends string> {
  /** The source of each kind, as if it were an extractor of its own. */
  readonly sources: Readonly<Record<Output, FeatureSource>>;
  /**
   * Features of samples.
   *
   * @param samples `[n, …]`, any n
   * @returns floats `[n, width]` of each kind
   */
  extract(samples: HostTensor): Promise<Readonly<Record<Output, HostTensor>>>;
  /** Releases what it holds on a device; absent if it holds nothing. */
  dispose?(): Promise<void>;
}

/** Features of each output. */
const widths: Readonly<Record<InceptionOutput, number>> = { pool: 2048, probabilities: 1008, spatial: 2023 };

const conventions: Readonly<Record<InceptionConvention, { resize: ResizeConvention; middle: number }>> = {
  tensorflow: { resize: 'tf1-bilinear', middle: 128 },
  'pytorch-fid': { resize: 'bilinear', middle: 127.5 },
  'clean-fid': { resize: 'pillow-bicubic-float', middle: 128 },
};

/**
 * An extractor with the Inception network of 2015, on whose features FID is defined. Images of any size are quantised
 * to 8 bits, resized to 299 x 299 and scaled as one of the tools does it: distances can be compared with those of that
 * tool.
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
  const { output = 'pool', ...rest } = options;
  requireOneOf('inception.output', output, Object.keys(widths));
  const network = await inceptionOutputs({ ...rest, outputs: [output] });
  return {
    source: network.sources[output],
    extract: async (images) => (await network.extract(images))[output],
    dispose: () => network.dispose(),
  };
}

/**
 * Several outputs of the Inception network of 2015, for which it runs once: FID, sFID and the Inception score of the same
 * images take the time of one of them.
 *
 * @returns features of images `[n, 1 or 3, height, width]`, -1 (black) to 1 (white), by output
 * @throws what {@link inception} does, and {@link ConfigError} if no output is named, or one twice
 *
 * @example
 * const weights = await loadWeights('inception');
 * const network = await inceptionOutputs({ runtime, weights, outputs: ['pool', 'probabilities'] });
 * const { pool, probabilities } = await network.extract(images);
 */
export async function inceptionOutputs<Output extends InceptionOutput>(
  options: InceptionOutputsOptions<Output>,
): Promise<OutputsExtractor<Output> & { dispose(): Promise<void> }> {
  requireKnownOptions('inceptionOutputs', options, {
    runtime: true,
    weights: true,
    convention: true,
    outputs: true,
    batchSize: true,
  });
  const { runtime, weights, convention = 'tensorflow', outputs, batchSize = 32 } = options;
  requireOneOf('inception.convention', convention, Object.keys(conventions));
  if (outputs.length === 0 || new Set(outputs).size < outputs.length) {
    throw new ConfigError('inceptionOutputs.outputs', `wanted each output once, got ${outputs.join(', ') || 'none'}`);
  }
  for (const output of outputs) requireOneOf('inceptionOutputs.outputs', output, Object.keys(widths));
  const { resize, middle } = conventions[convention];
  const name = 'inception-2015-12-05';
  const network = inceptionNetwork();
  const extractor = await imageExtractor({
    name,
    runtime,
    module: {
      ...network,
      apply(params, images) {
        const { pool, logits, spatial } = network.apply(params, images);
        const all = { pool, probabilities: logits.softmax(), spatial };
        return concat(
          outputs.map((output) => all[output]),
          1,
        );
      },
    },
    params: inceptionParameters(weights, `weights of ${name}`),
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
  const named = <T>(of: (output: Output) => T): Record<Output, T> =>
    Object.fromEntries(outputs.map((output) => [output, of(output)])) as Record<Output, T>;
  const { source } = extractor;
  return {
    sources: named((output) => ({ ...source, extractor: output === 'pool' ? name : `${name}/${output}` })),
    async extract(images) {
      const all = await extractor.extract(images);
      let first = 0;
      return named((output) => {
        const part = columns(all, first, widths[output]);
        first += widths[output];
        return part;
      });
    },
    dispose: () => extractor.dispose(),
  };
}

/** `width` columns of a matrix from the given one on. */
function columns(matrix: HostTensor, first: number, width: number): HostTensor {
  const [rows = 0, all = 0] = matrix.shape;
  if (width === all) return matrix;
  const part = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const start = row * all + first;
    part.set(matrix.data.subarray(start, start + width), row * width);
  }
  return hostTensor([rows, width], part);
}

function requireOneOf(option: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw new ConfigError(option, `wanted one of ${known.join(', ')}, got '${value}'`);
}

import type { Extractor, InceptionOutput } from '@flowmap/eval';
import type { Runtime } from '@flowmap/tensor';
import { interruptible } from '../../command-line/interruptible.js';
import { choice, whole, type Config } from '../../command-line/options.js';
import { openRuntime, RUNTIME_OPTIONS } from '../../command-line/runtime.js';

/** Networks that features can be of. */
export type ExtractorName = 'efficientnet-lite0' | 'inception' | 'dinov2';

/** Options for how images are read and how Inception gets them. */
export const READING_OPTIONS = {
  convention: choice(
    'how inception gets images, by the tool to compare with; tensorflow is that of ADM, EDM and torch-fidelity',
    ['tensorflow', 'pytorch-fid', 'clean-fid'],
    'tensorflow',
  ),
  size: whole(
    'side that images are scaled and cropped to before the network gets them, part of the protocol; unless given, the images of a folder must all be of one size',
    null,
  ),
  maxUnreadable: whole('most images of a folder that may be unreadable, and are left out', 0, 0),
  ...RUNTIME_OPTIONS,
};

/** Options for how features are computed. */
export const EXTRACTOR_OPTIONS = {
  extractor: choice(
    'network of the features; efficientnet-lite0 unless a metric needs inception',
    ['efficientnet-lite0', 'inception', 'dinov2'],
    null,
  ),
  ...READING_OPTIONS,
};

/** Which features are wanted. */
export interface FeatureChoice {
  readonly extractor: ExtractorName;
  /** Which outputs of Inception; the other networks have one. */
  readonly output: InceptionOutput;
  /** Images of the largest folder: the network takes as many at a time, up to 32. */
  readonly most: number;
}

/** The network of the features, which statistics in files do without. */
export interface FeatureNetwork {
  /**
   * Opens it, once.
   *
   * @throws {RuntimeUnavailableError} when the device does not work here
   * @throws {WeightsUnavailableError} when its weights are not there; the message names the command that fetches them
   */
  readonly open: () => Promise<Extractor>;
  /** Releases it if it was opened. */
  readonly close: () => Promise<void>;
}

/**
 * The network that the options name.
 *
 * @param signal stops it between two runs
 */
export function featureNetwork(
  config: Config<typeof READING_OPTIONS>,
  features: FeatureChoice,
  signal: AbortSignal,
): FeatureNetwork {
  let opened: Promise<Extractor> | undefined;
  return {
    open: () => (opened ??= openExtractor(config, features, signal)),
    close: async () => (await opened?.catch(() => undefined))?.dispose?.(),
  };
}

async function openExtractor(
  config: Config<typeof READING_OPTIONS>,
  { extractor: name, output, most }: FeatureChoice,
  signal: AbortSignal,
): Promise<Extractor> {
  const batchSize = Math.max(1, Math.min(name === 'dinov2' ? 16 : 32, most));
  const openers: Record<ExtractorName, (runtime: Runtime) => Promise<Extractor>> = {
    'efficientnet-lite0': async (runtime) => {
      const { efficientNetLite0 } = await import('@flowmap/eval');
      const { weights } = await import('@flowmap/efficientnet-lite0');
      return efficientNetLite0({ runtime, weights: await weights(), batchSize });
    },
    inception: async (runtime) => {
      const { inception } = await import('@flowmap/eval');
      const { convention } = config;
      return inception({ runtime, weights: await publishedWeights('inception'), convention, output, batchSize });
    },
    dinov2: async (runtime) => {
      const { dinov2 } = await import('@flowmap/eval');
      return dinov2({ runtime, weights: await publishedWeights('dinov2'), batchSize });
    },
  };
  const extractor = await openers[name](interruptible(await openRuntime(config), signal));
  if (config.size === null) return extractor;
  const { source } = extractor;
  return { ...extractor, source: { ...source, resize: `cover-lanczos3-${config.size}+${source.resize}` } };
}

/** Weights that `flowmap weights` has fetched. */
async function publishedWeights(
  name: 'inception' | 'dinov2',
): ReturnType<typeof import('@flowmap/eval/node').loadWeights> {
  const { WeightsUnavailableError } = await import('@flowmap/eval');
  const { loadWeights } = await import('@flowmap/eval/node');
  try {
    return await loadWeights(name);
  } catch (cause) {
    if (!(cause instanceof WeightsUnavailableError)) throw cause;
    const { url, path } = cause;
    const message = `${name} needs this file; run \`npx flowmap weights ${name}\`, or fetch it`;
    throw new WeightsUnavailableError(url, path, message, { cause });
  }
}

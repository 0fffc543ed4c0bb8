import type { Clip, Extractor, FeatureSource, InceptionOutput, Tokenizer } from '@flowmap/eval';
import type { HostTensor, HostTensors, Runtime } from '@flowmap/tensor';
import { interruptible } from '../../command-line/interruptible.js';
import { choice, side, whole, type Config } from '../../command-line/options.js';
import { openRuntime, RUNTIME_OPTIONS } from '../../command-line/runtime.js';

/** Networks that features can come from. */
export type ExtractorName = 'efficientnet-lite0' | 'inception' | 'dinov2';

/** Kinds of features: the outputs of Inception, the first of which the other networks have too, and CLIP's. */
export type FeatureOutput = InceptionOutput | 'clip';

/** Opened networks, by the features that they compute. */
export interface OpenNetworks {
  readonly sources: Readonly<Partial<Record<FeatureOutput, FeatureSource>>>;
  /** Features of images: all kinds for which there are sources. */
  extract(images: HostTensor): Promise<Readonly<Partial<Record<FeatureOutput, HostTensor>>>>;
  dispose?(): Promise<void>;
}

/** Both encoders of CLIP, and its tokenizer. */
export interface OpenClip extends Clip {
  readonly tokenize: Tokenizer;
}

/** Options for how images are read and prepared for Inception. */
export const READING_OPTIONS = {
  convention: choice(
    'how inception gets images, by the tool to compare with; tensorflow, unless given, is that of ADM, EDM and torch-fidelity',
    ['tensorflow', 'pytorch-fid', 'clean-fid'],
    null,
  ),
  size: side(
    'side, or height and width, that images are scaled and cropped to before the network gets them, part of the protocol; unless given, the images of a folder must all be of one size',
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

/**
 * Checks that options which only Inception reads are not given with another network.
 *
 * @throws {ConfigError} naming the option
 */
export async function requireInception(
  given: { readonly convention: string | null; readonly output?: string | null },
  extractor: ExtractorName,
): Promise<void> {
  if (extractor === 'inception') return;
  for (const option of ['convention', 'output'] as const) {
    if ((given[option] ?? null) === null) continue;
    const { ConfigError } = await import('@flowmap/core');
    throw new ConfigError(
      `--${option}`,
      `has no effect on the features of ${extractor}; it is for --extractor inception`,
    );
  }
}

/** Which features are wanted. */
export interface FeatureChoice {
  readonly extractor: ExtractorName;
  /** The wanted outputs of Inception; the other networks have one, `pool`. */
  readonly outputs: readonly InceptionOutput[];
  /** Number of images in the largest folder: the network takes that many at a time, up to 32. */
  readonly most: number;
}

/** Something that is opened when it is first needed. */
export interface Opening<T> {
  /**
   * Opens it, once.
   *
   * @throws {RuntimeUnavailableError} when the device does not work here
   * @throws {WeightsUnavailableError} when its weights are not there; the message names the command that fetches them
   */
  readonly open: () => Promise<T>;
  /** Releases it if it was opened. */
  readonly close: () => Promise<void>;
}

/**
 * The network that the options name, which is not needed for statistics in files.
 *
 * @param signal stops it between two runs
 */
export function featureNetwork(
  config: Config<typeof READING_OPTIONS>,
  features: FeatureChoice,
  signal: AbortSignal,
): Opening<OpenNetworks> {
  return once(() => openNetwork(config, features, signal));
}

/**
 * Both encoders of CLIP.
 *
 * @param name whose weights: ViT-L/14 or ViT-B/32
 * @param signal stops them between two runs
 */
export function clipNetwork(
  config: Config<typeof READING_OPTIONS>,
  name: 'clip' | 'clip-b32',
  signal: AbortSignal,
): Opening<OpenClip> {
  return once(async () => {
    const { clip, clipTokenizer } = await import('@flowmap/eval');
    const { loadClipMerges, loadWeights } = await import('@flowmap/eval/node');
    const tokenize = clipTokenizer(await published(name, () => loadClipMerges()));
    const tensors = await published(name, () => loadWeights(name));
    const opened = await clip({ runtime: interruptible(await openRuntime(config), signal), weights: tensors });
    const source = scaledFirst(config, opened.images.source); // of both, as the two are compared
    return { ...opened, tokenize, images: { ...opened.images, source }, texts: { ...opened.texts, source } };
  });
}

function once<T extends { dispose?(): Promise<void> }>(make: () => Promise<T>): Opening<T> {
  let opened: Promise<T> | undefined;
  return {
    open: () => (opened ??= make()),
    close: async () => (await opened?.catch(() => undefined))?.dispose?.(),
  };
}

async function openNetwork(
  config: Config<typeof READING_OPTIONS>,
  { extractor: name, outputs, most }: FeatureChoice,
  signal: AbortSignal,
): Promise<OpenNetworks> {
  const batchSize = Math.max(1, Math.min(name === 'dinov2' ? 16 : 32, most));
  const openers: Record<ExtractorName, (runtime: Runtime) => Promise<OpenNetworks>> = {
    'efficientnet-lite0': async (runtime) => {
      const { efficientNetLite0 } = await import('@flowmap/eval');
      const { weights } = await import('@flowmap/efficientnet-lite0');
      return named('pool', await efficientNetLite0({ runtime, weights: await weights(), batchSize }));
    },
    inception: async (runtime) => {
      const { inceptionOutputs } = await import('@flowmap/eval');
      const convention = config.convention ?? 'tensorflow';
      const tensors = await publishedWeights('inception');
      return inceptionOutputs({ runtime, weights: tensors, convention, outputs, batchSize });
    },
    dinov2: async (runtime) => {
      const { dinov2 } = await import('@flowmap/eval');
      return named('pool', await dinov2({ runtime, weights: await publishedWeights('dinov2'), batchSize }));
    },
  };
  const network = await openers[name](interruptible(await openRuntime(config), signal));
  const sources = Object.entries(network.sources).map(([output, source]) => [output, scaledFirst(config, source)]);
  return { ...network, sources: Object.fromEntries(sources) as OpenNetworks['sources'] };
}

/** An extractor as networks that compute one kind of features. */
export function named(output: FeatureOutput, extractor: Extractor): OpenNetworks {
  return {
    sources: { [output]: extractor.source },
    extract: async (images) => ({ [output]: await extractor.extract(images) }),
    dispose: async () => extractor.dispose?.(),
  };
}

/** Several networks as one, so that images are read only once. */
export function together(networks: readonly OpenNetworks[]): OpenNetworks {
  return {
    sources: Object.assign({}, ...networks.map(({ sources }) => sources)) as OpenNetworks['sources'],
    async extract(images) {
      const parts = [];
      for (const network of networks) parts.push(await network.extract(images));
      return Object.assign({}, ...parts) as (typeof parts)[number];
    },
  };
}

/** The source of features of images that are first resized to the size that the options name. */
function scaledFirst({ size }: Pick<Config<typeof READING_OPTIONS>, 'size'>, source: FeatureSource): FeatureSource {
  return size === null ? source : { ...source, resize: `cover-lanczos3-${[size].flat().join('x')}+${source.resize}` };
}

/** Weights that `flowmap weights` has fetched. */
async function publishedWeights(name: 'inception' | 'dinov2'): Promise<HostTensors> {
  const { loadWeights } = await import('@flowmap/eval/node');
  return published(name, () => loadWeights(name));
}

/** The weights that `flowmap weights` has fetched for a network; if it has not, the error says so. */
async function published<T>(name: string, load: () => Promise<T>): Promise<T> {
  const { WeightsUnavailableError } = await import('@flowmap/eval');
  try {
    return await load();
  } catch (cause) {
    if (!(cause instanceof WeightsUnavailableError)) throw cause;
    const { url, path } = cause;
    const message = `${name} needs this file; run \`npx flowmap weights ${name}\`, or fetch it`;
    throw new WeightsUnavailableError(url, path, message, { cause });
  }
}

import type { Extractor } from '@flowmap/eval';
import { interruptible } from '../../command-line/interruptible.js';
import { choice, whole, type Config } from '../../command-line/options.js';
import { openRuntime, RUNTIME_OPTIONS } from '../../command-line/runtime.js';

/** Options for how features are computed. */
export const EXTRACTOR_OPTIONS = {
  extractor: choice('network of the features', ['efficientnet-lite0'], 'efficientnet-lite0'),
  size: whole(
    'side that images are scaled and cropped to before the network gets them, part of the protocol; unless given, the images of a folder must all be of one size',
    null,
  ),
  maxUnreadable: whole('most images of a folder that may be unreadable, and are left out', 0, 0),
  ...RUNTIME_OPTIONS,
};

/** The network of the features, which statistics in files do without. */
export interface FeatureNetwork {
  /**
   * Opens it, once.
   *
   * @throws {RuntimeUnavailableError} when the device does not work here
   */
  readonly open: () => Promise<Extractor>;
  /** Releases it if it was opened. */
  readonly close: () => Promise<void>;
}

/**
 * The network that the options name.
 *
 * @param most images of the largest folder: the network takes as many at a time, up to 32
 * @param signal stops it between two runs
 */
export function featureNetwork(
  config: Config<typeof EXTRACTOR_OPTIONS>,
  most: number,
  signal: AbortSignal,
): FeatureNetwork {
  let opened: Promise<Extractor> | undefined;
  return {
    open: () => (opened ??= openExtractor(config, Math.max(1, Math.min(32, most)), signal)),
    close: async () => (await opened)?.dispose?.(),
  };
}

async function openExtractor(
  config: Config<typeof EXTRACTOR_OPTIONS>,
  batchSize: number,
  signal: AbortSignal,
): Promise<Extractor> {
  const { efficientNetLite0 } = await import('@flowmap/eval');
  const { weights } = await import('@flowmap/efficientnet-lite0');
  const runtime = interruptible(await openRuntime(config), signal);
  const extractor = await efficientNetLite0({ runtime, weights: await weights(), batchSize });
  if (config.size === null) return extractor;
  const { source } = extractor;
  return { ...extractor, source: { ...source, resize: `cover-lanczos3-${config.size}+${source.resize}` } };
}

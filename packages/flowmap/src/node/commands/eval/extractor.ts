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

/**
 * Opens the network of the features.
 *
 * @param signal stops it between two runs
 * @throws {RuntimeUnavailableError} when the device does not work here
 */
export async function openExtractor(
  config: Config<typeof EXTRACTOR_OPTIONS>,
  signal: AbortSignal,
): Promise<Extractor & { dispose(): Promise<void> }> {
  const { efficientNetLite0 } = await import('@flowmap/eval');
  const { weights } = await import('@flowmap/efficientnet-lite0');
  const runtime = interruptible(await openRuntime(config), signal);
  const extractor = await efficientNetLite0({ runtime, weights: await weights() });
  if (config.size === null) return extractor;
  const { source } = extractor;
  return { ...extractor, source: { ...source, resize: `cover-lanczos3-${config.size}+${source.resize}` } };
}

import { requireImages } from '../preprocessing/resize-images.js';
import type { Extractor } from './extractor.js';
import { moduleExtractor, type ModuleExtractorOptions } from './module-extractor.js';

/**
 * An extractor of images `[n, 1 or 3, height, width]`, -1 (black) to 1 (white), from a module.
 *
 * @param options `prepare` turns these into the module's images
 * @throws what {@link moduleExtractor} does; on extracting, {@link FeatureError} for anything but images, and for a NaN
 */
export async function imageExtractor(
  options: ModuleExtractorOptions & Required<Pick<ModuleExtractorOptions, 'prepare'>>,
): Promise<Extractor & { dispose(): Promise<void> }> {
  const network = await moduleExtractor(options);
  return {
    ...network,
    async extract(images) {
      requireImages(options.name, images); // all parts at once, so that the error names an image by its index among all
      return network.extract(images);
    },
  };
}

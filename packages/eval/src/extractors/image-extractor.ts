import { requireImages } from '../preprocessing/resize-images.js';
import type { Extractor } from './extractor.js';
import { moduleExtractor, type ModuleExtractorOptions } from './module-extractor.js';

/**
 * An extractor of images `[n, 1 or 3, height, width]`, -1 (black) to 1 (white), from a module.
 *
 * @param options `prepare` makes the module's images of those
 * @throws what {@link moduleExtractor} does; on extracting, {@link FeatureError} for what are not images, and for a NaN
 */
export async function imageExtractor(
  options: ModuleExtractorOptions & Required<Pick<ModuleExtractorOptions, 'prepare'>>,
): Promise<Extractor & { dispose(): Promise<void> }> {
  const network = await moduleExtractor(options);
  return {
    ...network,
    async extract(images) {
      requireImages(options.name, images); // of all parts at once, so that the image is named by its place among all
      return network.extract(images);
    },
  };
}

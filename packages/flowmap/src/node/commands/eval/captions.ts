import type { Json } from '@flowmap/core';
import type { Features } from '@flowmap/eval';
import type { OpenClip } from './extractor.js';

/** What images should show, by their names, which are paths in the folder such as `cat/1.png`. */
export type Captions = ReadonlyMap<string, string>;

/** Number of texts that CLIP reads at a time. */
const BATCH = 64;

/**
 * Reads captions: a JSON object from the paths of images in their folder to texts.
 *
 * @param names images that need one
 * @throws {CheckpointError} for a file that is missing or not JSON
 * @throws {ConfigError} for JSON of another form, and for an image without a caption, naming it
 */
export async function readCaptions(path: string, names: readonly string[]): Promise<Captions> {
  const { ConfigError } = await import('@flowmap/core');
  const { readJsonFile } = await import('@flowmap/core/node');
  const content = await readJsonFile(path);
  const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
  const entries: [string, Json][] = isObject ? Object.entries(content as Readonly<Record<string, Json>>) : [];
  if (!isObject || !entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
    throw new ConfigError('--captions', `wanted a JSON object of texts, {"1.png": "a cat", …}, in ${path}`);
  }
  const captions = new Map(entries);
  const missing = names.filter((name) => !captions.has(name));
  if (missing.length > 0) {
    const which = missing.length === 1 ? missing[0]! : `${missing[0]!} and ${missing.length - 1} more`;
    throw new ConfigError('--captions', `${path} has no caption of ${which}; names are paths in the folder of images`);
  }
  return captions;
}

/**
 * CLIP's features of the captions of images.
 *
 * @param names images in the order of their features
 */
export async function captionFeatures(
  captions: Captions,
  names: readonly string[],
  { texts, tokenize }: Pick<OpenClip, 'texts' | 'tokenize'>,
): Promise<Features> {
  const { extractFeatures } = await import('@flowmap/eval');
  const batches = Array.from({ length: Math.ceil(names.length / BATCH) }, (_, i) =>
    tokenize(names.slice(BATCH * i, BATCH * (i + 1)).map((name) => captions.get(name)!)),
  );
  return extractFeatures(texts, batches);
}

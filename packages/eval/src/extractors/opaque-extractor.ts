import type { HostTensor } from '@flowmap/tensor';
import type { Extractor } from './extractor.js';

/** What is known of a function that makes features. */
export interface OpaqueExtractorOptions {
  /** Its name in protocols. */
  readonly name: string;
  /** SHA-256 of its weights' file in hexadecimal digits; not known unless given. */
  readonly weights?: string;
  /** How it resizes; `none` unless given. */
  readonly resize?: string;
}

/**
 * An extractor of any asynchronous function from samples to features: an ONNX file opened with `openOnnx`, a service.
 *
 * @param extract gets samples `[n, …]` and returns features `[n, width]`
 *
 * @example
 * const inception = await openOnnx('inception.onnx');
 * opaqueExtractor({ name: 'inception' }, async (images) => (await inception.run({ images })).features!);
 */
export function opaqueExtractor(
  { name, weights, resize = 'none' }: OpaqueExtractorOptions,
  extract: (samples: HostTensor) => Promise<HostTensor>,
): Extractor {
  return { source: { extractor: name, weights: weights ?? null, resize }, extract };
}

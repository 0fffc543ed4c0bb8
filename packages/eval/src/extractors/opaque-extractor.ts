import { requireKnownOptions, type HostTensor } from '@flowmap/tensor';
import type { Extractor } from './extractor.js';

/** What is known about a function that computes features. */
export interface OpaqueExtractorOptions {
  /** Name in protocols. */
  readonly name: string;
  /** SHA-256 of its weight file in hexadecimal digits; unknown unless given. */
  readonly weights?: string;
  /** How it resizes; `none` unless given. */
  readonly resize?: string;
}

/**
 * An extractor from any asynchronous function from samples to features, such as an ONNX file opened with `openOnnx`, or
 * a service.
 *
 * @param extract takes samples `[n, …]` and returns features `[n, width]`; it is called again when it has settled
 *
 * @example
 * const inception = await openOnnx('inception.onnx');
 * const extractor = opaqueExtractor({ name: 'inception' }, async (images) => (await inception({ images })).features!);
 */
export function opaqueExtractor(
  options: OpaqueExtractorOptions,
  extract: (samples: HostTensor) => Promise<HostTensor>,
): Extractor {
  requireKnownOptions('opaqueExtractor', options, { name: true, weights: true, resize: true });
  const { name, weights, resize = 'none' } = options;
  let last: Promise<unknown> = Promise.resolve();
  return {
    source: { extractor: name, weights: weights ?? null, resize },
    extract(samples) {
      const next = last.then(() => extract(samples));
      last = next.catch(() => undefined);
      return next;
    },
  };
}

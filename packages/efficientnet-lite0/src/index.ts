import { read } from '#read';

/** Where the weights are: a file in Node, an address in a browser. Bundlers copy the file that it points to. */
export const weightsUrl: URL = new URL('../efficientnet-lite0.safetensors', import.meta.url);

/**
 * The weights of EfficientNet-Lite0 as a safetensors file in float16, 6.7 MB, for `efficientNetLite0` of `@flowmap/eval`.
 *
 * @throws {Error} for a file or an address that cannot be read
 */
export function weights(): Promise<Uint8Array> {
  return read(weightsUrl);
}

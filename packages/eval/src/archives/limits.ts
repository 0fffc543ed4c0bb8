/**
 * What a file may become unless told otherwise, in bytes: eight times itself, which more than suffices for numbers, and
 * 16 MiB.
 */
export function defaultMaxBytes(file: Uint8Array): number {
  return 2 ** 24 + 8 * file.length;
}

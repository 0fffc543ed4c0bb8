/**
 * Most bytes that a file may unpack to unless given: eight times its size, which more than suffices for numbers, and
 * 16 MiB.
 */
export function defaultMaxBytes(file: Uint8Array): number {
  return 2 ** 24 + 8 * file.length;
}

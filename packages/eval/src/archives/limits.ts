/**
 * The most bytes to which a file may unpack unless given: 16 MiB plus eight times its size, more than enough for
 * numbers.
 */
export function defaultMaxBytes(file: Uint8Array): number {
  return 2 ** 24 + 8 * file.length;
}

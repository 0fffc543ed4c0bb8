/** Bytes that are copied at a time. */
const PIECE = 2 ** 24;

/** A SHA-256 of bytes: that of the SHA-256 of each 16 MiB of them, in hexadecimal digits. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const pieces = Math.max(1, Math.ceil(bytes.length / PIECE));
  const digests = new Uint8Array(32 * pieces);
  for (let i = 0; i < pieces; i++) {
    const piece = bytes.slice(i * PIECE, (i + 1) * PIECE);
    digests.set(new Uint8Array(await crypto.subtle.digest('SHA-256', piece)), 32 * i);
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', digests));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The bytes of numbers as they are in memory. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

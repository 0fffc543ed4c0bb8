/** Number of bytes hashed at a time. */
const PIECE = 2 ** 24;

/** A SHA-256 for bytes: that of the SHA-256s of each 16 MiB of them, in hexadecimal digits. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const pieces = Math.max(1, Math.ceil(bytes.length / PIECE));
  const digests: Uint8Array[] = [];
  for (let i = 0; i < pieces; i++) digests.push(await sha256(bytes.slice(i * PIECE, (i + 1) * PIECE)));
  return joined(digests);
}

/** {@link digestOf} of the bytes of all chunks together. */
export async function digestOfChunks(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const digests: Uint8Array[] = [];
  const piece = new Uint8Array(PIECE);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + PIECE - filled);
      piece.set(part, filled);
      [at, filled] = [at + part.length, filled + part.length];
      if (filled < PIECE) continue;
      digests.push(await sha256(piece));
      filled = 0;
    }
  }
  if (filled > 0 || digests.length === 0) digests.push(await sha256(piece.slice(0, filled)));
  return joined(digests);
}

async function joined(digests: readonly Uint8Array[]): Promise<string> {
  const bytes = new Uint8Array(32 * digests.length);
  digests.forEach((digest, i) => bytes.set(digest, 32 * i));
  return Array.from(await sha256(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

/** The bytes of numbers as they are in memory. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

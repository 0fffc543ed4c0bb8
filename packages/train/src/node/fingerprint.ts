import { createHash } from 'node:crypto';
import type { Dataset } from '@flowmap/core';

/** Most samples that are compared, and those that are asked for at a time. */
const SAMPLES = 256;
const AT_A_TIME = 16;

/**
 * Identifies data: by its own fingerprint, where it has one, and by samples, all of few or some that are spread evenly.
 *
 * @returns a SHA-256 in hexadecimal digits
 */
export async function fingerprintOf(data: Dataset): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify((await data.fingerprint?.()) ?? null));
  const count = Math.min(SAMPLES, data.length);
  const spread = Number.isFinite(data.length) ? data.length / count : 1;
  for (let first = 0; first < count; first += AT_A_TIME) {
    const length = Math.min(AT_A_TIME, count - first);
    const { x, conditions } = await data.batch(Array.from({ length }, (_, i) => Math.floor((first + i) * spread)));
    hash.update(bytesOf(x));
    for (const name of Object.keys(conditions).sort()) hash.update(name).update(bytesOf(conditions[name]!));
  }
  return hash.digest('hex');
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

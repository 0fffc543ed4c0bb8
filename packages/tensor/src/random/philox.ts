import { requireRange, type RandomKey } from './random-key.js';

/**
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). The 128-bit
 * counter is (block, sample, step), the 64-bit key (seed, purpose). `next(block)` puts four words of 32 random bits
 * into `words`.
 *
 * @throws {RandomKeyError} for a seed, step or sample outside its range
 */
export function philox(key: RandomKey): { readonly words: Uint32Array; next(block: number): void } {
  requireRange(key);
  const { seed, purpose, step = 0, sample = 0 } = key;
  const words = new Uint32Array(4);
  const key0 = seed >>> 0;
  const key1 = (fnv1a(purpose) ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b9)) >>> 0;
  const counter = [sample >>> 0, step >>> 0, Math.floor(step / 2 ** 32) >>> 0] as const;
  const next = (block: number): void => {
    words[0] = block;
    words[1] = counter[0];
    words[2] = counter[1];
    words[3] = counter[2];
    rounds(words, key0, key1);
  };
  return { words, next };
}

/** The ten rounds, in place: multiply two words, exchange high halves, mix in the key, and advance the key. */
export function rounds(words: Uint32Array, key0: number, key1: number): void {
  let [k0, k1] = [key0, key1];
  let [c0, c1, c2, c3] = words as unknown as [number, number, number, number];
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/** Upper 32 bits of the product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(cross / 65536);
}

/** 32-bit FNV-1a hash of a string's UTF-16 code units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

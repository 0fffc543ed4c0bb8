import { RandomKeyError } from './errors.js';

/**
 * Names one stream of random numbers. Draws depend on nothing else: not on batch size, worker count, runtime, or what was
 * drawn before, so a resumed run sees what an uninterrupted one would have seen. Every function that takes a key throws a
 * {@link RandomKeyError} for a number outside its range.
 */
export interface RandomKey {
  /** Whole number in [0, 2^53). */
  readonly seed: number;
  /** What the numbers are for: `noise`, `times`, `order`, … Different purposes are independent. */
  readonly purpose: string;
  /** Training step, whole number in [0, 2^53); 0 unless given. */
  readonly step?: number;
  /** Index of the sample, whole number in [0, 2^32); 0 unless given. */
  readonly sample?: number;
}

/** Uniform numbers in [0, 1) with 32 random bits each; 0 itself occurs once in 2^32. */
export function uniforms(key: RandomKey, count: number): Float64Array {
  const out = new Float64Array(count);
  const stream = philox(key);
  for (let i = 0; i < count; i++) {
    if (i % 4 === 0) stream.next(i / 4);
    out[i] = stream.words[i % 4]! / 2 ** 32;
  }
  return out;
}

/** Independent standard normal numbers, by the Box-Muller transform. */
export function normals(key: RandomKey, count: number): Float64Array {
  const out = new Float64Array(count);
  fillNormals(key, out);
  return out;
}

/** Fills an array with the numbers that {@link normals} gives for the key. */
export function fillNormals(key: RandomKey, out: Float32Array | Float64Array): void {
  const stream = philox(key);
  for (let i = 0; i < out.length; i += 2) {
    const pair = i % 4;
    if (pair === 0) stream.next(i / 4);
    // (word + 1/2) / 2^32 is never 0, so the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log((stream.words[pair]! + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * stream.words[pair + 1]!) / 2 ** 32;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
  }
}

/**
 * Standard normal noise for a batch: sample `i` gets the stream `(seed, purpose, step, firstSample + i)`.
 *
 * @param shape of the batch, `[count, ...sample]`
 * @returns row-major values, `count * size` of them
 */
export function normalBatch(key: RandomKey, shape: readonly number[], firstSample = 0): Float32Array {
  const [count = 1, ...rest] = shape;
  const size = rest.reduce((product, extent) => product * extent, 1);
  const out = new Float32Array(count * size);
  for (let i = 0; i < count; i++) {
    fillNormals({ ...key, sample: firstSample + i }, out.subarray(i * size, (i + 1) * size));
  }
  return out;
}

/**
 * Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). The 128-bit counter is
 * (block, sample, step), the 64-bit key (seed, purpose). `next(block)` puts four words of 32 random bits into `words`.
 *
 * @throws {RandomKeyError} for a seed, step or sample outside its range
 */
export function philox({ seed, purpose, step = 0, sample = 0 }: RandomKey): {
  readonly words: Uint32Array;
  next(block: number): void;
} {
  requireWhole('seed', seed, 53);
  requireWhole('step', step, 53);
  requireWhole('sample', sample, 32);
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

/** The ten rounds, in place: multiply two words, exchange high halves, mix in the key, and step the key. */
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

function requireWhole(field: 'seed' | 'step' | 'sample', value: number, bits: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) {
    throw new RandomKeyError(field, value, `[0, 2^${bits})`);
  }
}

/** 32-bit FNV-1a hash of a string's UTF-16 code units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

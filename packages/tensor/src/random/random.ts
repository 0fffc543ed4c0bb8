import { philox } from './philox.js';
import type { RandomKey } from './random-key.js';

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

/** Fills an array with the numbers that {@link normals} returns for the key. */
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
 * @param shape shape of the batch, `[count, ...sample]`
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

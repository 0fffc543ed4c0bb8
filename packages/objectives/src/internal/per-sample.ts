import type { Progress } from '@flowmap/core';
import { uniforms } from '@flowmap/tensor';

/** A number in [0, 1) for each sample, from a random stream of its own. */
export function uniformPerSample(
  { seed, step }: Progress & { readonly seed: number },
  purpose: string,
  count: number,
): Float32Array {
  return Float32Array.from({ length: count }, (_, sample) => uniforms({ seed, purpose, step, sample }, 1)[0]!);
}

import type { Progress } from '@flowmap/core';
import { normals, uniforms } from '@flowmap/tensor';

type StepKey = Pick<Progress, 'step'> & { readonly seed: number };

/** A number in [0, 1) for each sample, from a random stream of its own. */
export function uniformPerSample({ seed, step }: StepKey, purpose: string, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, sample) => uniforms({ seed, purpose, step, sample }, 1)[0]!);
}

/** A number in (0, 1) for each sample whose logit is normal, `sigmoid(tau)`, `tau ~ N(mean, std^2)`. */
export function logitNormalPerSample(
  { seed, step }: StepKey,
  purpose: string,
  count: number,
  { mean, std }: { readonly mean: number; readonly std: number },
): Float32Array {
  return Float32Array.from({ length: count }, (_, sample) => {
    const tau = mean + std * normals({ seed, purpose, step, sample }, 1)[0]!;
    return 1 / (1 + Math.exp(-tau));
  });
}

import { hostTensor, normalBatch, sizeOf, type HostTensor, type Shape } from '@flowmap/tensor';

/** The steps and samples of one run of a sampler's program. */
export interface RunPart {
  /** Steps and samples of the run; the program may have more. */
  readonly steps: number;
  readonly samples: number;
  /** Index of the first step in the grid, and of the first sample among all samples. */
  readonly firstStep: number;
  readonly firstSample: number;
}

/**
 * Standard normal noise for one run of a sampler's program: the noise of each sample in each step depends only on the
 * seed and the indices of both. Padding, on which no sample's result depends, is zero.
 *
 * @param shape shape of the program's input, `[steps, batch, ...sample]`
 * @throws {RandomKeyError} for a seed or an index out of range
 */
export function noiseOfSteps(seed: number, shape: Shape, part: RunPart): HostTensor {
  const [, batchSize = 1, ...sample] = shape;
  const noise = new Float32Array(sizeOf(shape));
  for (let i = 0; i < part.steps; i++) {
    const key = { seed, purpose: 'sampler', step: part.firstStep + i };
    noise.set(normalBatch(key, [part.samples, ...sample], part.firstSample), i * batchSize * sizeOf(sample));
  }
  return hostTensor(shape, noise);
}

import { hostTensor, normalBatch, sizeOf, type HostTensor, type Shape } from '@flowmap/tensor';

/** The steps and samples of one run of a sampler's program. */
export interface RunPart {
  /** Steps and samples that the run is for, of which the program may have more. */
  readonly steps: number;
  readonly samples: number;
  /** Indices of the first of them in the grid and among all samples. */
  readonly firstStep: number;
  readonly firstSample: number;
}

/**
 * Standard normal noise for one run of a sampler's program: each sample's in each step depends on the seed and the indices of
 * both, and on nothing else. What fills up the program's shape, and no sample's result depends on, is zero.
 *
 * @param shape of the program's input, `[steps, batch, ...sample]`
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

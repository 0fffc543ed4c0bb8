import { requireKnownOptions, type Runtime } from '@flowmap/tensor';
import { beforeAll, describe, it } from 'vitest';
import type { Sampler } from '../samplers/sampler.js';
import { samplerChecks } from './sampler-checks.js';

/** How a sampler is checked. */
export interface SamplerContract {
  /** Computes in double precision: the float64 reference runtime. */
  readonly oracle: () => Runtime | Promise<Runtime>;
  /**
   * Order of convergence; `Infinity`, the default, for a sampler that follows an exact flow map exactly. A sampler that
   * draws noise has none: the distribution of its points is checked instead.
   */
  readonly order?: number;
  /**
   * The grid of a number of steps with which it is checked; grids of steps of one and of two lengths from 1 to 0 unless
   * given. For a sampler that draws only on some grids, or has its order only on some.
   */
  readonly grid?: (steps: number) => ArrayLike<number>;
}

/** Checking a distribution takes tens of thousands of samples, and seconds on a busy machine. */
const TIMEOUT = 120_000;

/**
 * The contract of a {@link Sampler}, as vitest tests: steps of length 0 that change nothing, one program for any grid,
 * batch size and number of steps per call, samples and their classes kept apart, the order of convergence or the
 * distribution of its points on normal data, and the networks and seeds that it refuses.
 *
 * @param name title of the suite
 * @param make makes the sampler under test
 *
 * @example
 * describeSampler('heun', heun, { oracle: referenceRuntime, order: 2 });
 */
export function describeSampler(name: string, make: () => Sampler, options: SamplerContract): void {
  requireKnownOptions('describeSampler', options, { oracle: true, order: true, grid: true });
  const { oracle: makeOracle, order = Infinity, grid } = options;
  describe(`sampler ${name}`, () => {
    let runtime: Runtime;
    beforeAll(async () => {
      runtime = await makeOracle();
    });
    for (const [title, check] of Object.entries(samplerChecks)) {
      it(title, { timeout: TIMEOUT }, () => check({ sampler: make(), runtime, order, ...(grid ? { grid } : {}) }));
    }
  });
}

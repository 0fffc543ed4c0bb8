import type { Runtime } from '@flowmap/tensor';
import { beforeAll, describe, it } from 'vitest';
import type { Sampler } from '../samplers/sampler.js';
import { samplerChecks } from './sampler-checks.js';

/** How a sampler is judged. */
export interface SamplerContract {
  /** Computes in double precision: the float64 reference runtime. */
  readonly oracle: () => Runtime | Promise<Runtime>;
  /**
   * Order of convergence; `Infinity`, unless given, for a sampler that follows an exact flow map exactly. A sampler that draws noise
   * has none: the law of its points is checked.
   */
  readonly order?: number;
}

/** A law takes tens of thousands of samples, which take seconds on a busy machine. */
const TIMEOUT = 120_000;

/**
 * The contract of a {@link Sampler}, as vitest tests: steps of no length that change nothing, one program for any grid, batch size and
 * steps a call, samples and their classes kept apart, the order of its convergence or the law of its points on normal data, and
 * the networks and seeds that it refuses.
 *
 * @param name title of the suite
 * @param make makes the sampler under test
 *
 * @example
 * describeSampler('heun', heun, { oracle: referenceRuntime, order: 2 });
 */
export function describeSampler(
  name: string,
  make: () => Sampler,
  { oracle: makeOracle, order = Infinity }: SamplerContract,
): void {
  describe(`sampler ${name}`, () => {
    let runtime: Runtime;
    beforeAll(async () => {
      runtime = await makeOracle();
    });
    for (const [title, check] of Object.entries(samplerChecks)) {
      it(title, { timeout: TIMEOUT }, () => check({ sampler: make(), runtime, order }));
    }
  });
}

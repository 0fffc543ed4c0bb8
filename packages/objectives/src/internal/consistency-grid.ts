import { ConfigError, type Draws, type Objective, type Progress } from '@flowmap/core';
import { requireWhole, uniforms } from '@flowmap/tensor';

/** The grid of discrete consistency models. */
export interface GridOptions {
  /** Number of steps of the first grid, a whole number >= 2. */
  readonly firstSteps?: number;
  /** Number of steps of the last grid, `firstSteps` times a power of two. */
  readonly steps?: number;
}

/**
 * What discrete consistency models draw: two neighbours on the grid of N steps, t and `t' = t - 1 / N`, with the target
 * s = 0. N is doubled in equal parts of the run, from the first to the last number of steps (Song and Dhariwal, "Improved
 * techniques for training consistency models", 2023, section 3.4, whose grid is EDM's and not uniform in t).
 *
 * Draws: `share`, the share `(t - t') / t` of the interval from t to 0.
 *
 * @throws {ConfigError} for numbers of steps that are not whole or no such pair
 */
export function consistencyGrid(
  caller: string,
  { firstSteps, steps }: Required<GridOptions>,
): Pick<Objective, 'draws' | 'draw'> {
  requireWhole(`${caller}.steps`, steps, 2);
  requireWhole(`${caller}.firstSteps`, firstSteps, 2);
  const doublings = Math.log2(steps / firstSteps);
  if (!(Number.isInteger(doublings) && doublings >= 0)) {
    throw new ConfigError(
      `${caller}.steps`,
      `wanted ${firstSteps}, the firstSteps, times a power of two, got ${steps}`,
    );
  }
  return {
    draws: { share: [] },
    draw(key, count): Draws {
      const N = stepsAt(key, firstSteps, doublings);
      const [t, s, share] = [new Float32Array(count), new Float32Array(count), new Float32Array(count)];
      for (let sample = 0; sample < count; sample++) {
        const u = uniforms({ seed: key.seed, purpose: 'times.grid', step: key.step, sample }, 1)[0]!;
        const n = 1 + Math.floor(u * N);
        t[sample] = n / N;
        share[sample] = 1 / n;
      }
      return { t, s, share };
    },
  };
}

/** Number of steps of the grid: each lasts for an equal part of the run. */
function stepsAt({ step, iterations }: Progress, firstSteps: number, doublings: number): number {
  return firstSteps * 2 ** Math.min(doublings, Math.floor(((doublings + 1) * step) / iterations));
}

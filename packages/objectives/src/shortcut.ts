import { ConfigError, perSample, type Draws, type Objective } from '@flowmap/core';
import { requireKnownOptions, select, uniforms } from '@flowmap/tensor';
import { requireFlags, requireShare } from './internal/checks.js';
import { matchedOnDiagonal } from './internal/own-velocity.js';
import { isTaken } from './internal/places.js';
import { scaledSquares } from './internal/scaled-squares.js';

/** Settings of {@link shortcut}. */
export interface ShortcutOptions {
  /** Steps of the finest grid, a power of two, at least 2; 128 unless given. */
  readonly steps?: number;
  /**
   * Share of the batch that learns a step from two half steps, in (0, 1), while the rest learns the velocity; 1/4 unless
   * given.
   */
  readonly bootstrapShare?: number;
  /** Name of the moving average that takes the half steps; null (the default) for the student itself. */
  readonly average?: string | null;
  /** True takes the teacher's velocity for `z - x_0`; false unless given. */
  readonly teacher?: boolean;
}

/**
 * Shortcut models (Frans, Hafner, Levine, Abbeel, "One step diffusion via shortcut models", 2024, equation 5): a step
 * of length d must lead to where two steps of length d / 2 lead, `‖F(x_t, t, t - d) - sg((F_1 + F_2) / 2)‖²`, for
 * dyadic d on a grid, and at d = 0 the loss is flow matching. The shortest half steps, of length 1 / steps, are taken
 * with d = 0, as Euler steps; that leaves an error of the order of 1 / steps. There are no derivatives.
 *
 * Metric: `tangentNorm`, the mean of `‖F - target‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range
 */
export function shortcut(options: ShortcutOptions = {}): Objective {
  requireKnownOptions('shortcut', options, { steps: true, bootstrapShare: true, average: true, teacher: true });
  const { steps = 128, bootstrapShare = 1 / 4, average = null, teacher = false } = options;
  if (!(steps >= 2 && Number.isInteger(Math.log2(steps)))) {
    throw new ConfigError('shortcut.steps', `wanted a power of two, at least 2, got ${steps}`);
  }
  requireShare('shortcut.bootstrapShare', bootstrapShare, { zero: false });
  requireFlags('shortcut', { teacher });
  return {
    name: 'shortcut',
    config: { steps, bootstrapShare, average, teacher },
    needs: { teacher, interval: true, ...(average === null ? {} : { average }) },
    watch: 'tangentNorm',
    about: {
      title: 'shortcut model',
      text: 'A step of the student leads where two of half its length lead; the velocity is learned at s = t.',
      metrics: { tangentNorm: 'mean of ‖F − target‖' },
    },
    schedules: {},
    draw({ seed, step }, batchSize): Draws {
      const [t, s] = [new Float32Array(batchSize), new Float32Array(batchSize)];
      for (let sample = 0; sample < batchSize; sample++) {
        const [level, place] = uniforms({ seed, purpose: 'shortcut', step, sample }, 2);
        const bootstraps = isTaken(bootstrapShare, sample);
        // Number of steps that cover the path: 1, 2, 4, … steps / 2 for samples that learn from half steps.
        const count = bootstraps ? 2 ** Math.floor(level! * Math.log2(steps)) : steps;
        const index = Math.floor(place! * count);
        t[sample] = (index + 1) / count;
        s[sample] = bootstraps ? index / count : t[sample]!;
      }
      return { t, s };
    },
    loss(context) {
      const { student, average: averaged, xt, t, s } = context;
      const guide = averaged ?? student;
      const middle = t.add(s).mul(0.5);
      // Half steps of the finest grid have no target time of their own: d = 0.
      const isFinest = t.sub(middle).less(1.5 / steps);
      const first = guide.averageVelocity(xt, t, select(isFinest, t, middle));
      const halfway = xt.add(perSample(middle.sub(t), xt).mul(first));
      const second = guide.averageVelocity(halfway, middle, select(isFinest, middle, s));
      // The mean velocity of two half steps: one step with it leads to where they lead.
      const bootstrap = first.add(second).mul(0.5);

      return scaledSquares(student.averageVelocity(xt, t, s), matchedOnDiagonal(context, bootstrap), {});
    },
  };
}

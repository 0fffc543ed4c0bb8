import { perSample, type Draws, type Objective } from '@flowmap/core';
import { stopGradient, uniforms } from '@flowmap/tensor';
import { meanNorm, squaredError } from '../internal/norms.js';

/** Settings of {@link shortcut}. */
export interface ShortcutOptions {
  /** Steps of the finest grid, a power of two; 128 unless given. */
  readonly steps?: number;
  /**
   * Share of the batch that learns a step from two half steps, while the rest learns the velocity; 1/4 unless given.
   */
  readonly bootstrapShare?: number;
  /** Name of the moving average that takes the half steps; null (the default) for the student itself. */
  readonly average?: string | null;
}

/**
 * Shortcut models (Frans, Hafner, Levine, Abbeel, "One step diffusion via shortcut models", 2024): a step of length d
 * must lead where two steps of length d / 2 lead, for dyadic d, and the shortest step is flow matching (equation 5).
 * Trained from data alone.
 *
 * Draws: `base`, 1 for a sample that learns the velocity, 0 for one that learns from half steps.
 */
export function shortcut({ steps = 128, bootstrapShare = 1 / 4, average = null }: ShortcutOptions = {}): Objective {
  return {
    name: 'shortcut',
    config: { steps, bootstrapShare, average },
    needs: { teacher: false, ...(average === null ? {} : { average }) },
    schedules: {},
    draws: { base: [] },
    draw({ seed, step }, batchSize): Draws {
      const t = new Float32Array(batchSize);
      const s = new Float32Array(batchSize);
      const base = new Float32Array(batchSize);
      for (let sample = 0; sample < batchSize; sample++) {
        const [level, place] = uniforms({ seed, purpose: 'shortcut', step, sample }, 2);
        const bootstraps = Math.floor((sample + 1) * bootstrapShare) > Math.floor(sample * bootstrapShare);
        // Number of steps that cover the path: 1, 2, 4, … steps / 2 for samples that learn from half steps.
        const count = bootstraps ? 2 ** Math.floor(level! * Math.log2(steps)) : steps;
        const index = Math.floor(place! * count);
        t[sample] = (index + 1) / count;
        s[sample] = index / count;
        base[sample] = bootstraps ? 0 : 1;
      }
      return { t, s, base };
    },
    loss({ student, average: averaged, xt, t, s, draws, velocity }) {
      const guide = averaged ?? student;
      const middle = t.add(s).mul(0.5);
      // The mean velocity of two half steps: one step with it leads where they lead.
      const first = guide.averageVelocity(xt, t, middle);
      const halfway = xt.add(perSample(middle.sub(t), xt).mul(first));
      const second = guide.averageVelocity(halfway, middle, s);
      const bootstrap = first.add(second).mul(0.5);

      const base = perSample(draws['base']!, xt);
      const target = stopGradient(base.mul(velocity(xt, t)).add(base.neg().add(1).mul(bootstrap)));
      const F = student.averageVelocity(xt, t, s);
      return { loss: squaredError(F, target), metrics: { error: meanNorm(F.sub(target)) } };
    },
  };
}

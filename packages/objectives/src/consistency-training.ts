import { interpolate, perSample, type Objective } from '@flowmap/core';
import { full, requireKnownOptions, stopGradient } from '@flowmap/tensor';
import { requireOneOf, requireUnweighted } from './internal/checks.js';
import { consistencyGrid, type GridOptions } from './internal/consistency-grid.js';
import { meanNorm, sampleSize, sampleSquares } from './internal/norms.js';

/** Settings of {@link consistencyTraining}. */
export interface ConsistencyTrainingOptions extends GridOptions {
  /**
   * Distance of the two ends: `squared`, or the paper's `√(‖·‖² + c²) - c` with `c = 0.00054 √D` for D values;
   * `pseudo-huber` unless given, which is refused for samples of fewer than 16 values, where the mean over noise would
   * no longer be a mean.
   */
  readonly distance?: 'pseudo-huber' | 'squared';
}

const DISTANCES = ['pseudo-huber', 'squared'] as const;

/**
 * Discrete consistency training (Song, Dhariwal, Chen, Sutskever, "Consistency models", 2023, equation 10; Song and
 * Dhariwal, "Improved techniques for training consistency models", 2023): `d(f(x_t, t, 0), f⁻(x', t', 0)) / (t - t')` for
 * neighbours on a grid, with x_t and x' from the same data and noise. It needs no teacher. The student learns only maps to
 * s = 0; there are no derivatives. Targets come from the student itself, not a moving average.
 *
 * The grid is doubled from 10 to 1280 steps during the run. The paper's times are log-normal on EDM's grid; here the
 * grid is uniform in t, and the times are uniform on it.
 *
 * Metric: `endpointChange`, the mean of `‖f - f⁻‖ / (t - t')`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range; on tracing, for a distance that is wrong for
 *   samples with so few values
 */
export function consistencyTraining(options: ConsistencyTrainingOptions = {}): Objective {
  requireKnownOptions('consistencyTraining', options, { firstSteps: true, steps: true, distance: true });
  const { firstSteps = 10, steps = 1280, distance = 'pseudo-huber' } = options;
  requireOneOf('consistencyTraining.distance', distance, DISTANCES);
  return {
    name: 'consistency-training',
    config: { firstSteps, steps, distance },
    needs: { teacher: false, interval: true },
    watch: 'endpointChange',
    about: {
      title: 'consistency training',
      text: 'Neighbours on the path of a sample learn to have the same end at data. The student has no other targets.',
      metrics: { endpointChange: 'mean of ‖f − f⁻‖ / (t − t′)' },
    },
    schedules: {},
    ...consistencyGrid('consistencyTraining', { firstSteps, steps }),

    loss({ student, x0, noise, path, xt, t, s, draws }) {
      const isHuber = distance === 'pseudo-huber';
      const size = sampleSize(xt);
      const wanted = `distance: 'squared', got '${distance}'`;
      requireUnweighted('consistencyTraining.distance', { isWeighted: isHuber, size, wanted });
      const step = draws['share']!.mul(t.sub(s));
      const next = t.sub(step);
      const there = stopGradient(student.map(interpolate(x0, noise, next, path), next, s));
      const error = student.map(xt, t, s).sub(there);
      const c = 0.00054 * Math.sqrt(size);
      const squares = sampleSquares(error);
      const distances = isHuber
        ? squares
            .add(c ** 2)
            .sqrt()
            .sub(c)
        : squares;
      // At t = s the step is 0, and so is the distance.
      const weights = full(1).div(perSample(step.maximum(1e-6), xt));
      return {
        loss: distances.mul(weights).mean(),
        metrics: { endpointChange: meanNorm(error.mul(weights)) },
      };
    },
  };
}

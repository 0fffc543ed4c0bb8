import type { Objective } from '@flowmap/core';
import { full, requireKnownOptions } from '@flowmap/tensor';
import { requireFlags, requirePositive } from './internal/checks.js';
import { firstVelocityThenMap } from './internal/discrete-targets.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { logUniformLengths } from './intervals.js';
import { weightSettings, type LossWeight } from './loss-weights.js';

/** Settings of {@link discreteEmd}. */
export interface DiscreteEmdOptions extends IntervalOptions {
  /** Share ε of the interval that the teacher covers in one Euler step, in (0, 1]; 0.01 unless given. */
  readonly epsilon?: number;
  /** Weight w(t, s) of the loss on F; 1 unless given. `lengthWeight()` is `w(t, s) = 1` of the theorem. */
  readonly weight?: LossWeight;
  /** False takes `z - x_0` for the teacher's velocity; true unless given. */
  readonly teacher?: boolean;
}

/**
 * The discrete loss of AYF-EMD at a finite ε ("Align Your Flow", Sabour, Fidler, Kreis 2025, theorem 3.2): one Euler step
 * of the teacher to `t' = t + ε (s - t)`, `x' = x_t + (t' - t) v(x_t, t)`, then `‖f(x_t, t, s) - f⁻(x', t', s)‖²`. It needs
 * no derivative along the trajectory.
 *
 * With `f = x_t + (s - t) F` the two ends differ by `(s - t) (F - ε v - (1 - ε) F⁻(x', t', s))`; the loss is `w / ε` times
 * the square of the second factor. Its gradient tends to that of `ayfEmd({ c: Infinity, rMax: 1 })` for small ε, with an
 * error of the order of ε; rounding errors of F are divided by ε. At s = t it is flow matching on v.
 *
 * Metrics: `tangentNorm`, the mean of `‖F - target‖ / ε`, and `velocityError`, the mean of `‖v -
 * F‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]
 */
export function discreteEmd(options: DiscreteEmdOptions = {}): Objective {
  requireKnownOptions('discreteEmd', options, {
    epsilon: true,
    weight: true,
    teacher: true,
    intervalLengths: true,
    diagonalShare: true,
  });
  const {
    epsilon = 0.01,
    weight,
    teacher = true,
    intervalLengths = logUniformLengths(),
    diagonalShare = 0.25,
  } = options;
  requirePositive('discreteEmd.epsilon', epsilon, 1);
  requireFlags('discreteEmd', { teacher });
  const { config, draw } = intervalDraws('discreteEmd', { intervalLengths, diagonalShare }, 'end');
  return {
    name: 'discrete-emd',
    config: { epsilon, ...config, ...weightSettings(weight), teacher },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'discrete AYF-EMD',
      text: 'The student learns to arrive where it arrives from a point a little further on the trajectory.',
      metrics: {
        tangentNorm: 'mean of ‖F − target‖ / ε',
        velocityError: 'mean of ‖v − F‖',
      },
    },
    schedules: {},
    draw,

    loss({ student, xt, t, s, velocity }) {
      const v = velocity(xt, t);
      const F = student.averageVelocity(xt, t, s);
      const target = firstVelocityThenMap(student, { xt, t, s }, v, full(epsilon, t.shape));
      return scaledSquares(F, target, { scale: 1 / epsilon, weights: weight?.weight(t, s), v });
    },
  };
}

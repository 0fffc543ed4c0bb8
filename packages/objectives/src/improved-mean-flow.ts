import { perSample, type Objective } from '@flowmap/core';
import { requireKnownOptions, stopGradient } from '@flowmap/tensor';
import { requireAdaptive, requireWeightless, type AdaptiveOptions } from './internal/adaptive-options.js';
import { requireFlags } from './internal/checks.js';
import { alongTrajectory } from './internal/derivatives.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { sampleSize } from './internal/norms.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { logitNormalEnds } from './intervals.js';

/** Settings of {@link improvedMeanFlow}. */
export interface ImprovedMeanFlowOptions extends IntervalOptions, AdaptiveOptions {
  /** True takes the teacher's velocity for `z - x_0`; false unless given. */
  readonly teacher?: boolean;
}

/**
 * Improved MeanFlow (Geng, Lu, Wu, Shechtman, Kolter, He, "Improved mean flows", 2025): a regression on the velocity,
 * `‖V - v‖²` with `V = F + (t - s) sg(dF/dt)` and `v = z - x_0`. The derivative is along `(sg F(x_t, t, t), 1)`, the
 * student's own velocity, so the noise of v enters only once, as in flow matching.
 *
 * Half of the batch is at s = t unless `diagonalShare` is given. The adaptive weight is off unless `power` is given; the
 * paper's separate head for the velocity, and guidance as an input, are left out.
 *
 * Metrics: `velocityError`, the mean of `‖F - v‖`, and `tangentNorm`, the mean of `‖V - v‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]; on tracing without a
 *   teacher, for an adaptive weight that is wrong for samples with so few values
 */
export function improvedMeanFlow(options: ImprovedMeanFlowOptions = {}): Objective {
  requireKnownOptions('improvedMeanFlow', options, {
    power: true,
    c: true,
    teacher: true,
    intervalLengths: true,
    diagonalShare: true,
  });
  const { power = 0, c = 0.01, teacher = false } = options;
  const { intervalLengths = logitNormalEnds(), diagonalShare = 0.5 } = options;
  requireAdaptive('improvedMeanFlow', { power, c });
  requireFlags('improvedMeanFlow', { teacher });
  const { config, draw } = intervalDraws('improvedMeanFlow', { intervalLengths, diagonalShare }, 'end');
  return {
    name: 'improved-mean-flow',
    config: { power, c, ...config, teacher },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'improved MeanFlow',
      text: "The velocity that follows from the student's average velocity is fitted to that of the data.",
      metrics: { tangentNorm: 'mean of ‖V − v‖', velocityError: 'mean of ‖v − F‖' },
    },
    schedules: {},
    draw,

    loss(context) {
      const { student, xt, t, s, velocity } = context;
      if (!teacher) requireWeightless('improvedMeanFlow', { power, size: sampleSize(xt) });
      const v = velocity(xt, t);
      const own = stopGradient(student.averageVelocity(xt, t, t));
      const [F, dFdt] = alongTrajectory(context, own);
      // V = F + (t - s) dF/dt, fitted to v: the gradient is that of F fitted to v - (t - s) dF/dt.
      const target = v.sub(perSample(t.sub(s), xt).mul(stopGradient(dFdt)));
      return scaledSquares(F, target, { adaptive: { power, c }, v });
    },
  };
}

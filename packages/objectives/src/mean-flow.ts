import { perSample, type Objective } from '@flowmap/core';
import { requireKnownOptions, stopGradient } from '@flowmap/tensor';
import { requireAdaptive, requireWeightless, type AdaptiveOptions } from './internal/adaptive-options.js';
import { requireFlags } from './internal/checks.js';
import { alongTrajectory } from './internal/derivatives.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { sampleSize } from './internal/norms.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { logitNormalEnds } from './intervals.js';

/** Settings of {@link meanFlow}. */
export interface MeanFlowOptions extends IntervalOptions, AdaptiveOptions {
  /** True takes the teacher's velocity for `z - x_0`; false unless given. */
  readonly teacher?: boolean;
}

/**
 * MeanFlow (Geng, Deng, Bai, Kolter, He, "Mean flows for one-step generative modeling", 2025, equations 10 and 11, and 22
 * for the adaptive weight): `‖F - sg(v - (t - s) dF/dt)‖² / sg(‖·‖² + c)^p` with `v = z - x_0`, and dF/dt along (v, 1).
 * Its r is our s, its u our F. Up to the weight this is the gradient of `ayfEmd({ c: Infinity, rMax: 1 })`.
 *
 * Three quarters of the batch are at s = t unless `diagonalShare` is given, and times are `logitNormalEnds()`; p is 1 and c
 * 0.01 as in the authors' code. Guidance inside the target is left out: guide the teacher instead.
 *
 * Metrics: `tangentNorm`, the mean of `‖F - target‖`, and `velocityError`, the mean of `‖v - F‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]; on tracing without a
 *   teacher, for an adaptive weight that is wrong for samples with so few values
 */
export function meanFlow(options: MeanFlowOptions = {}): Objective {
  requireKnownOptions('meanFlow', options, {
    power: true,
    c: true,
    teacher: true,
    intervalLengths: true,
    diagonalShare: true,
  });
  const { power = 1, c = 0.01, teacher = false } = options;
  const { intervalLengths = logitNormalEnds(), diagonalShare = 0.75 } = options;
  requireAdaptive('meanFlow', { power, c });
  requireFlags('meanFlow', { teacher });
  const { config, draw } = intervalDraws('meanFlow', { intervalLengths, diagonalShare }, 'end');
  return {
    name: 'mean-flow',
    config: { power, c, ...config, teacher },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'MeanFlow',
      text: 'The student learns that its average velocity is the velocity, less what it changes along the trajectory.',
      metrics: { tangentNorm: 'mean of ‖F − target‖', velocityError: 'mean of ‖v − F‖' },
    },
    schedules: {},
    draw,

    loss(context) {
      const { xt, t, s, velocity } = context;
      if (!teacher) requireWeightless('meanFlow', { power, size: sampleSize(xt) });
      const v = velocity(xt, t);
      const [F, dFdt] = alongTrajectory(context, v);
      // F = v - (t - s) dF/dt (the MeanFlow identity, equation 6)
      const target = v.sub(perSample(t.sub(s), xt).mul(stopGradient(dFdt)));
      return scaledSquares(F, target, { adaptive: { power, c }, v });
    },
  };
}

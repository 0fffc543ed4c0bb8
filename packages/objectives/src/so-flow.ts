import type { Objective } from '@flowmap/core';
import { full, requireKnownOptions } from '@flowmap/tensor';
import { requireAdaptive, requireWeightless, type AdaptiveOptions } from './internal/adaptive-options.js';
import { requireFlags, requirePositive } from './internal/checks.js';
import { firstVelocityThenMap } from './internal/discrete-targets.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { sampleSize } from './internal/norms.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { logitNormalEnds } from './intervals.js';

/** Settings of {@link soFlow}. */
export interface SoFlowOptions extends IntervalOptions, AdaptiveOptions {
  /** Share of the interval between the two points at the start of the run, in (0, 1]; 0.1 unless given. */
  readonly firstShare?: number;
  /** That share at the end of the run, in (0, 1]; 0.002 unless given. */
  readonly lastShare?: number;
  /** True takes the teacher's velocity for the data's; false unless given. */
  readonly teacher?: boolean;
}

/**
 * SoFlow (Luo, Yuan, Liu, "SoFlow: solution flow models for one-step generative modeling", 2025): flow matching at s = t on
 * a share of the batch, and on the rest the solution consistency loss `‖f(x_t, t, s) - f⁻(x_l, l, s)‖²` with
 * `l = t + r (s - t)` and `x_l = x_t + (l - t) v`, `v = z - x_0`. The share r of the interval falls geometrically during the
 * run from 0.1 to 0.002. There is no derivative along the trajectory.
 *
 * The two points differ by `(s - t) (F - target)`; the loss is the square of the second factor, divided by r, so that its
 * gradient does not shrink with r. Three quarters of the batch are at s = t unless `diagonalShare` is given. The shares
 * are those of the paper's ImageNet runs. Its weights and times are not confirmed: here there is no weight unless
 * `power` is given, and times are `logitNormalEnds()`. Guidance inside the target is left out.
 *
 * Metrics: `tangentNorm`, the mean of `‖F - target‖ / r`, and `velocityError`, the mean of `‖v -
 * F‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]; on tracing without a
 *   teacher, for an adaptive weight that is wrong for samples with so few values
 */
export function soFlow(options: SoFlowOptions = {}): Objective {
  requireKnownOptions('soFlow', options, {
    firstShare: true,
    lastShare: true,
    power: true,
    c: true,
    teacher: true,
    intervalLengths: true,
    diagonalShare: true,
  });
  const { firstShare = 0.1, lastShare = 0.002, power = 0, c = 0.01, teacher = false } = options;
  const { intervalLengths = logitNormalEnds(), diagonalShare = 0.75 } = options;
  for (const [name, value] of Object.entries({ firstShare, lastShare })) requirePositive(`soFlow.${name}`, value, 1);
  requireAdaptive('soFlow', { power, c });
  requireFlags('soFlow', { teacher });
  const { config, draw } = intervalDraws('soFlow', { intervalLengths, diagonalShare }, 'end');
  return {
    name: 'so-flow',
    config: { firstShare, lastShare, power, c, ...config, teacher },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'SoFlow',
      text: 'The student learns to arrive where it arrives from a point further on the path, ever nearer during the run.',
      metrics: { tangentNorm: 'mean of ‖F − target‖ / r', velocityError: 'mean of ‖v − F‖' },
    },
    schedules: {
      share: ({ step, iterations }) => firstShare * (lastShare / firstShare) ** (step / iterations),
    },
    draw,

    loss({ student, xt, t, s, velocity, schedules }) {
      if (!teacher) requireWeightless('soFlow', { power, size: sampleSize(xt) });
      const share = schedules['share']!;
      const v = velocity(xt, t);
      const F = student.averageVelocity(xt, t, s);
      const target = firstVelocityThenMap(student, { xt, t, s }, v, share.broadcastTo(t.shape));
      return scaledSquares(F, target, { scale: full(1).div(share), adaptive: { power, c }, v });
    },
  };
}

import type { Objective } from '@flowmap/core';
import { full, requireKnownOptions } from '@flowmap/tensor';
import { requireAdaptive, requireWeightless, type AdaptiveOptions } from './internal/adaptive-options.js';
import { requireFlags, requirePositive } from './internal/checks.js';
import { firstVelocityThenMap } from './internal/discrete-targets.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { sampleSize } from './internal/norms.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { logitNormalEnds } from './intervals.js';

/** Settings of {@link alphaFlow}. */
export interface AlphaFlowOptions extends IntervalOptions, AdaptiveOptions {
  /** Final α, in (0, 1]; 0.005 unless given. */
  readonly alphaMin?: number;
  /** Share of the run over which α falls from 1, in (0, 1]; 1 unless given. */
  readonly over?: number;
  /** Steepness γ of the fall, > 0; 25 unless given. */
  readonly gamma?: number;
  /** True takes the teacher's velocity for `z - x_0`; false unless given. */
  readonly teacher?: boolean;
}

/**
 * α-Flow (Zhang et al., "AlphaFlow: understanding and improving MeanFlow models", 2025):
 * `α^-1 ‖F - sg(α v + (1 - α) F(x_m, m, s))‖²` with `m = α s + (1 - α) t` and `x_m = x_t + (m - t) v`. For α = 1 it is flow
 * matching along the whole interval, for 1/2 a shortcut model, and for α → 0 MeanFlow; α falls from 1 over the run by
 * `1 - sigmoid(γ (progress - 1/2))`, to `alphaMin`. There is no derivative along the trajectory; training with `meanFlow()`
 * afterwards is the paper's last phase, α = 0.
 *
 * The adaptive weight is `1 / (‖g‖² + c)^p` of `g = (F - target) / α`, with p = 1 and c = 0.01, so its size does not depend
 * on α. A quarter of the batch is at s = t unless `diagonalShare` is given. The shape of the schedule is that of the
 * authors' code; the values of `over` and γ and the shares of their runs are not confirmed.
 *
 * Metrics: `tangentNorm`, the mean of `‖g‖`, and `velocityError`, the mean of `‖v - F‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]; on tracing without a
 *   teacher, for an adaptive weight that is wrong for samples with so few values
 */
export function alphaFlow(options: AlphaFlowOptions = {}): Objective {
  requireKnownOptions('alphaFlow', options, {
    alphaMin: true,
    over: true,
    gamma: true,
    power: true,
    c: true,
    teacher: true,
    intervalLengths: true,
    diagonalShare: true,
  });
  const { alphaMin = 0.005, over = 1, gamma = 25, power = 1, c = 0.01, teacher = false } = options;
  const { intervalLengths = logitNormalEnds(), diagonalShare = 0.25 } = options;
  requirePositive('alphaFlow.alphaMin', alphaMin, 1);
  requirePositive('alphaFlow.over', over, 1);
  requirePositive('alphaFlow.gamma', gamma);
  requireAdaptive('alphaFlow', { power, c });
  requireFlags('alphaFlow', { teacher });
  const { config, draw } = intervalDraws('alphaFlow', { intervalLengths, diagonalShare }, 'end');
  return {
    name: 'alpha-flow',
    config: { alphaMin, over, gamma, power, c, ...config, teacher },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'α-Flow',
      text: 'The student learns to go on as it does after a first part of the interval, which shrinks during the run.',
      metrics: { tangentNorm: 'mean of ‖F − target‖ / α', velocityError: 'mean of ‖v − F‖' },
    },
    schedules: {
      alpha: ({ step, iterations }) => {
        const progress = step / (over * iterations);
        return Math.max(alphaMin, 1 / (1 + Math.exp(gamma * (progress - 0.5))));
      },
    },
    draw,

    loss({ student, xt, t, s, velocity, schedules }) {
      if (!teacher) requireWeightless('alphaFlow', { power, size: sampleSize(xt) });
      const alpha = schedules['alpha']!;
      const v = velocity(xt, t);
      const F = student.averageVelocity(xt, t, s);
      const target = firstVelocityThenMap(student, { xt, t, s }, v, alpha.broadcastTo(t.shape));
      return scaledSquares(F, target, { scale: full(1).div(alpha), adaptive: { power, c }, v });
    },
  };
}

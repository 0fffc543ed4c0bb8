import { perSample, type Objective } from '@flowmap/core';
import { full, requireKnownOptions } from '@flowmap/tensor';
import { requireFlags } from './internal/checks.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { matchedOnDiagonal } from './internal/own-velocity.js';
import { uniformPerSample } from './internal/per-sample.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { uniformLengths } from './intervals.js';

/** Settings of {@link progressiveSelfDistillation}. */
export interface ProgressiveSelfDistillationOptions extends IntervalOptions {
  /** True takes the teacher's velocity for `z - x_0` at s = t; false unless given. */
  readonly teacher?: boolean;
}

/**
 * Progressive self-distillation (Boffi, Albergo, Vanden-Eijnden, "How to build a consistency model: learning flow maps via
 * self-distillation", 2025): one jump must lead to where two lead, `‖f(x_t, t, s) - sg(f(f(x_t, t, u), u, s))‖²`, and
 * flow matching on `z - x_0` teaches the velocity at s = t. For `u = t + γ (s - t)` and `f = x_t + (s - t) F` the two
 * ends differ by `(s - t) (F(x_t, t, s) - γ F(x_t, t, u) - (1 - γ) F(x_u, u, s))`; the loss is the square of the second
 * factor. There are no derivatives.
 *
 * Draws: `share`, γ, uniform in [0, 1).
 *
 * Three quarters of the batch are at s = t unless `diagonalShare` is given; the paper's learned weight of the loss is left
 * out.
 *
 * Metric: `tangentNorm`, the mean of the norm of what is squared.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]
 */
export function progressiveSelfDistillation(options: ProgressiveSelfDistillationOptions = {}): Objective {
  requireKnownOptions('progressiveSelfDistillation', options, {
    teacher: true,
    intervalLengths: true,
    diagonalShare: true,
  });
  const { teacher = false, intervalLengths = uniformLengths(), diagonalShare = 0.75 } = options;
  requireFlags('progressiveSelfDistillation', { teacher });
  const { config, draw } = intervalDraws('progressiveSelfDistillation', { intervalLengths, diagonalShare }, undefined);
  return {
    name: 'progressive-self-distillation',
    config: { ...config, teacher },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'progressive self-distillation',
      text: 'One jump of the student leads where two lead; the velocity is learned from data at s = t.',
      metrics: { tangentNorm: 'mean norm of the residual' },
    },
    schedules: {},
    draws: { share: [] },
    draw: (key, batchSize) => ({ ...draw(key, batchSize), share: uniformPerSample(key, 'times.share', batchSize) }),

    loss(context) {
      const { student, xt, t, s, draws } = context;
      const share = draws['share']!;
      const middle = t.add(share.mul(s.sub(t)));
      const first = student.averageVelocity(xt, t, middle);
      const x = xt.add(perSample(middle.sub(t), xt).mul(first));
      const second = student.averageVelocity(x, middle, s);
      const part = perSample(share, xt);
      const both = part.mul(first).add(full(1).sub(part).mul(second));
      return scaledSquares(student.averageVelocity(xt, t, s), matchedOnDiagonal(context, both), {});
    },
  };
}

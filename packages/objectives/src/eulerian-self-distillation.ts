import { perSample, type Objective } from '@flowmap/core';
import { full, jvp, requireKnownOptions } from '@flowmap/tensor';
import { requireFlags } from './internal/checks.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { matchedOnDiagonal, ownVelocity } from './internal/own-velocity.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { uniformLengths } from './intervals.js';

/** Settings of {@link eulerianSelfDistillation}. */
export interface EulerianSelfDistillationOptions extends IntervalOptions {
  /** True takes the teacher's velocity for `z - x_0` at s = t; false unless given. */
  readonly teacher?: boolean;
}

/**
 * Eulerian self-distillation (Boffi, Albergo, Vanden-Eijnden, "How to build a consistency model: learning flow maps via
 * self-distillation", 2025):
 * `‖∂_t f(x_t, t, s) + sg(∇f v(x_t, t))‖²` off the diagonal, where the velocity is the student's own,
 * `v(x, t) = F(x, t, t)`, which flow matching on `z - x_0` teaches at s = t. With `f = x_t + (s - t) F` this is `F + (t
 * - s) ∂F/∂t - sg(v - (t - s) (∂F/∂x) v)`; the gradient flows through the derivative with respect to time, but not
 * through the one with respect to x, which the paper blames for unstable training. Where the paper stops gradients of
 * this loss is not confirmed.
 *
 * Three quarters of the batch are at s = t unless `diagonalShare` is given; the paper's learned weight of the loss is left
 * out.
 *
 * Metric: `tangentNorm`, the mean of the norm of what is squared.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]
 */
export function eulerianSelfDistillation(options: EulerianSelfDistillationOptions = {}): Objective {
  requireKnownOptions('eulerianSelfDistillation', options, {
    teacher: true,
    intervalLengths: true,
    diagonalShare: true,
  });
  const { teacher = false, intervalLengths = uniformLengths(), diagonalShare = 0.75 } = options;
  requireFlags('eulerianSelfDistillation', { teacher });
  const { config, draw } = intervalDraws('eulerianSelfDistillation', { intervalLengths, diagonalShare }, 'end');
  return {
    name: 'eulerian-self-distillation',
    config: { ...config, teacher },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'Eulerian self-distillation',
      text: "The student's endpoint stays where it is while the start moves with the student's own velocity, learned at s = t.",
      metrics: { tangentNorm: 'mean norm of the residual' },
    },
    schedules: {},
    draw,

    loss(context) {
      const { student, xt, t, s } = context;
      const length = perSample(t.sub(s), xt);
      const v = ownVelocity(student, xt, t);
      const [F, dFdTime] = jvp((time) => student.averageVelocity(xt, time, s), [t], [full(1, t.shape)]);
      const [, dFdx] = jvp((x) => student.averageVelocity(x, t, s), [xt], [v]);
      // - ∂f/∂t and ∇f v, which are F and v at s = t
      const slide = F.add(length.mul(dFdTime));
      const carried = v.sub(length.mul(dFdx));
      return scaledSquares(slide, matchedOnDiagonal(context, carried), {});
    },
  };
}

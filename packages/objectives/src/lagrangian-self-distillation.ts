import { perSample, type Objective } from '@flowmap/core';
import { requireKnownOptions, stopGradient } from '@flowmap/tensor';
import { requireFlags } from './internal/checks.js';
import { alongTarget } from './internal/derivatives.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { matchedOnDiagonal, ownVelocity } from './internal/own-velocity.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { uniformLengths } from './intervals.js';

/** Settings of {@link lagrangianSelfDistillation}. */
export interface LagrangianSelfDistillationOptions extends IntervalOptions {
  /** True takes the teacher's velocity for `z - x_0` at s = t; false unless given. */
  readonly teacher?: boolean;
}

/**
 * Lagrangian self-distillation (Boffi, Albergo, Vanden-Eijnden, "How to build a consistency model: learning flow maps via
 * self-distillation", 2025):
 * `‖∂_s f(x_t, t, s) - sg(v(f(x_t, t, s), s))‖²` off the diagonal, where the velocity is the student's own, `v(x, t) =
 * F(x, t, t)`, which flow matching on `z - x_0` teaches at s = t. With `f = x_t + (s - t) F` the derivative is `F + (s
 * - t) ∂F/∂s`, and the gradient flows through all of it. There is no derivative with respect to x.
 *
 * Three quarters of the batch are at s = t unless `diagonalShare` is given; the paper's learned weight of the loss is left
 * out.
 *
 * Metric: `tangentNorm`, the mean of the norm of what is squared.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]
 */
export function lagrangianSelfDistillation(options: LagrangianSelfDistillationOptions = {}): Objective {
  requireKnownOptions('lagrangianSelfDistillation', options, {
    teacher: true,
    intervalLengths: true,
    diagonalShare: true,
  });
  const { teacher = false, intervalLengths = uniformLengths(), diagonalShare = 0.75 } = options;
  requireFlags('lagrangianSelfDistillation', { teacher });
  const { config, draw } = intervalDraws('lagrangianSelfDistillation', { intervalLengths, diagonalShare }, 'start');
  return {
    name: 'lagrangian-self-distillation',
    config: { ...config, teacher },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'Lagrangian self-distillation',
      text: "The student's endpoint moves with the velocity that the student has there, which it learns from data at s = t.",
      metrics: { tangentNorm: 'mean norm of the residual' },
    },
    schedules: {},
    draw,

    loss(context) {
      const { student, xt, t, s } = context;
      const step = perSample(s.sub(t), xt);
      const [F, dFds] = alongTarget(context);
      const end = stopGradient(xt.add(step.mul(F)));
      // ∂f/∂s, which is F at s = t
      const derivative = F.add(step.mul(dFds));
      return scaledSquares(derivative, matchedOnDiagonal(context, ownVelocity(student, end, s)), {});
    },
  };
}

import type { Objective } from '@flowmap/core';
import { full, requireKnownOptions } from '@flowmap/tensor';
import { requireOneOf } from './internal/checks.js';
import { consistencyGrid, type GridOptions } from './internal/consistency-grid.js';
import { firstVelocityThenMap } from './internal/discrete-targets.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { SOLVERS, stepVelocity, type Solver } from './internal/solver.js';

/** Settings of {@link consistencyDistillation}. */
export interface ConsistencyDistillationOptions extends GridOptions {
  /** How the teacher's step to the next time is computed; `heun` unless given. */
  readonly solver?: Solver;
  /** Name of the moving average that gives the target; null for the student itself; `ema` unless given. */
  readonly average?: string | null;
}

/**
 * Discrete consistency distillation (Song, Dhariwal, Chen, Sutskever, "Consistency models", 2023, equation 7):
 * `‖f(x_t, t, 0) - f_ema(x', t', 0)‖²` for neighbours t and `t' = t - 1 / N` on a grid, with x' one step of a solver along
 * the teacher's trajectory. The student learns only maps to s = 0; there are no derivatives.
 *
 * With `f = x_t - t F` the ends differ by `t (F - target)`, `target = ε v + (1 - ε) F_ema(x', t', 0)`, where `ε = (t - t') / t`
 * and v is the step's mean velocity. The loss is the square of that, divided by `t - t'`, so its gradient does not shrink
 * with the step. N is 18 unless given, and the grid uniform in t, where the paper's is EDM's.
 *
 * Metric: `tangentNorm`, the mean of `‖F - target‖ / ε`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range
 */
export function consistencyDistillation(options: ConsistencyDistillationOptions = {}): Objective {
  requireKnownOptions('consistencyDistillation', options, {
    firstSteps: true,
    steps: true,
    solver: true,
    average: true,
  });
  const { steps = 18, firstSteps = steps, solver = 'heun', average = 'ema' } = options;
  requireOneOf('consistencyDistillation.solver', solver, SOLVERS);
  return {
    name: 'consistency-distillation',
    config: { firstSteps, steps, solver, average },
    needs: { teacher: true, interval: true, ...(average === null ? {} : { average }) },
    watch: 'tangentNorm',
    about: {
      title: 'consistency distillation',
      text: "Neighbours on the teacher's trajectory learn to have the same end at data. The student has no other targets.",
      metrics: { tangentNorm: 'mean of ‖F − target‖ / ε' },
    },
    schedules: {},
    ...consistencyGrid('consistencyDistillation', { firstSteps, steps }),

    loss({ student, average: averaged, xt, t, s, draws, velocity }) {
      const share = draws['share']!;
      const next = t.sub(share.mul(t.sub(s)));
      const v = stepVelocity(solver, velocity, xt, t, next);
      const target = firstVelocityThenMap(averaged ?? student, { xt, t, s }, v, share);
      return scaledSquares(student.averageVelocity(xt, t, s), target, { scale: full(1).div(share), weights: t.sub(s) });
    },
  };
}

import { perSample, type Objective } from '@flowmap/core';
import { requireKnownOptions, requireWhole, stopGradient } from '@flowmap/tensor';
import { requireOneOf, requirePositive } from './internal/checks.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { meanNorm, squaredError } from './internal/norms.js';
import { uniformPerSample } from './internal/per-sample.js';
import { SOLVERS, stepVelocity, type Solver } from './internal/solver.js';
import { uniformLengths } from './intervals.js';

/** Settings of {@link ctm}. */
export interface CtmOptions extends Pick<IntervalOptions, 'intervalLengths'> {
  /** Steps of the solver from t to u, at least 1; 2 unless given. */
  readonly solverSteps?: number;
  /** The solver; `heun` unless given. */
  readonly solver?: Solver;
  /** Weight of the denoising loss, > 0; 1 unless given. */
  readonly matchingWeight?: number;
}

/**
 * Consistency trajectory models (Kim et al., "Consistency trajectory models: learning probability flow ODE trajectory
 * of diffusion", 2023, equations 6 to 9): the student's jump from t to s is compared with the jump to s from a time u
 * between them, to which the teacher's solver leads from t; the moving average takes both on to data, where they are
 * compared:
 *
 *     ‖ f_ema(f(x_t, t, s), s, 0) - f_ema(f_ema(x_u, u, s), s, 0) ‖²,  s <= u < t
 *
 * plus the denoising loss, here flow matching on the teacher's velocity, `‖F(x_t, t, t) - v‖²`. The gradient passes through
 * the jump to data, not through its weights. There are no derivatives along the trajectory.
 *
 * The distance is squared, in place of the paper's LPIPS; the paper's adaptive weight of the second loss and its
 * adversarial loss, which `finetune` adds, are left out. u is uniform in [s, t).
 *
 * Draws: `share`, the share of the interval from t to u, in (0, 1].
 *
 * Metrics: `endpointError`, the mean of the distance at data, and `matchingError`, the mean of `‖F(x_t, t, t) -
 * v‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]
 */
export function ctm(options: CtmOptions = {}): Objective {
  requireKnownOptions('ctm', options, { solverSteps: true, solver: true, matchingWeight: true, intervalLengths: true });
  const { solverSteps = 2, solver = 'heun', matchingWeight = 1, intervalLengths = uniformLengths() } = options;
  requireWhole('ctm.solverSteps', solverSteps);
  requireOneOf('ctm.solver', solver, SOLVERS);
  requirePositive('ctm.matchingWeight', matchingWeight);
  const { config, draw } = intervalDraws('ctm', { intervalLengths }, undefined);
  return {
    name: 'ctm',
    config: { solverSteps, solver, matchingWeight, ...config },
    needs: { teacher: true, interval: true, average: 'ema' },
    watch: 'endpointError',
    about: {
      title: 'CTM',
      text: "Two points of the teacher's trajectory learn to lead to the same point between them and data.",
      metrics: { endpointError: 'mean distance at data', matchingError: 'mean of ‖F − v‖ at s = t' },
    },
    schedules: {},
    draws: { share: [] },
    draw: (key, batchSize) => ({
      ...draw(key, batchSize),
      share: uniformPerSample(key, 'times.share', batchSize).map((u) => 1 - u),
    }),

    loss({ student, average, xt, t, s, draws, velocity }) {
      const slow = average!;
      const part = draws['share']!.mul(s.sub(t)).mul(1 / solverSteps);
      let [x, time] = [xt, t];
      for (let i = 0; i < solverSteps; i++) {
        const next = time.add(part);
        x = x.add(perSample(part, x).mul(stepVelocity(solver, velocity, x, time, next)));
        time = next;
      }
      const data = s.mul(0);
      const target = stopGradient(slow.map(slow.map(x, time, s), s, data));
      const reached = slow.map(student.map(xt, t, s), s, data);

      const v = velocity(xt, t);
      const matched = student.averageVelocity(xt, t, t);
      const matching = squaredError(matched, v).mul(matchingWeight);
      return {
        loss: squaredError(reached, target).add(matching),
        metrics: { endpointError: meanNorm(reached.sub(target)), matchingError: meanNorm(matched.sub(v)) },
      };
    },
  };
}

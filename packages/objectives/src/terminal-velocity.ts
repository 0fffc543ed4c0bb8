import { perSample, type Objective } from '@flowmap/core';
import { requireKnownOptions, stopGradient } from '@flowmap/tensor';
import { requireFlags, requirePositive } from './internal/checks.js';
import { alongTarget } from './internal/derivatives.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { meanNorm, squaredError } from './internal/norms.js';
import { ownVelocity } from './internal/own-velocity.js';
import { pathPoint } from './internal/path-points.js';
import { logUniformLengths } from './intervals.js';

/** Settings of {@link terminalVelocity}. */
export interface TerminalVelocityOptions extends Pick<IntervalOptions, 'intervalLengths'> {
  /** Name of the moving average that gives the velocity at the end; null, the default, for the student itself. */
  readonly average?: string | null;
  /** Weight of the flow-matching loss, > 0; 1 unless given. */
  readonly matchingWeight?: number;
  /** True takes the teacher's velocity for `z - x_0`; false unless given. */
  readonly teacher?: boolean;
}

/**
 * Terminal velocity matching (Zhou, Parger, Haque, Song, "Terminal velocity matching", 2025): `‖∂_s f(x_t, t, s) -
 * sg(u(f, s))‖² + ‖u(x_s, s) - v_s‖²` with `u(x, s) = F(x, s, s)` and `v_s = z - x_0`. The map's endpoint moves with
 * the velocity that the same network, or its moving average, gives there; this velocity is learned by flow matching at
 * the end of the interval. The gradient flows through the derivative, `F + (s - t) ∂F/∂s`.
 *
 * Times are `logUniformLengths()` unless `intervalLengths` is given. The paper's networks are normalised so that their
 * derivatives stay bounded, and its guidance is a random input; both are left out.
 *
 * Metrics: `terminalError`, the mean of `‖∂_s f - u‖`, and `matchingError`, the mean of `‖u(x_s, s) -
 * v_s‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]
 */
export function terminalVelocity(options: TerminalVelocityOptions = {}): Objective {
  requireKnownOptions('terminalVelocity', options, {
    average: true,
    matchingWeight: true,
    teacher: true,
    intervalLengths: true,
  });
  const { average = null, matchingWeight = 1, teacher = false, intervalLengths = logUniformLengths() } = options;
  requirePositive('terminalVelocity.matchingWeight', matchingWeight);
  requireFlags('terminalVelocity', { teacher });
  const { config, draw } = intervalDraws('terminalVelocity', { intervalLengths }, 'start');
  return {
    name: 'terminal-velocity',
    config: { average, matchingWeight, ...config, teacher },
    needs: { teacher, interval: true, ...(average === null ? {} : { average }) },
    watch: 'terminalError',
    about: {
      title: 'terminal velocity matching',
      text: "The student's endpoint moves with the velocity that the student has there, which it learns at that time.",
      metrics: { terminalError: 'mean of ‖∂f/∂s − u‖', matchingError: 'mean of ‖u − v‖ at the end of the interval' },
    },
    schedules: {},
    draw,

    loss(context) {
      const { student, average: averaged, xt, t, s } = context;
      const step = perSample(s.sub(t), xt);
      const [F, dFds] = alongTarget(context);
      const terminal = F.add(step.mul(dFds));
      const end = stopGradient(xt.add(step.mul(F)));
      const target = ownVelocity(averaged ?? student, end, s);

      const { x, v } = pathPoint(context, s, teacher);
      const own = student.averageVelocity(x, s, s);
      return {
        loss: squaredError(terminal, target).add(squaredError(own, v).mul(matchingWeight)),
        metrics: { terminalError: meanNorm(terminal.sub(target)), matchingError: meanNorm(own.sub(v)) },
      };
    },
  };
}

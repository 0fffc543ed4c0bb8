import type { Objective } from '@flowmap/core';
import { full, requireKnownOptions } from '@flowmap/tensor';
import { requireOneOf, requirePositive } from './internal/checks.js';
import { firstMapThenVelocity } from './internal/discrete-targets.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { SOLVERS, type Solver } from './internal/solver.js';
import { logUniformLengths } from './intervals.js';
import { weightSettings, type LossWeight } from './loss-weights.js';

/** Settings of {@link discreteLmd}. */
export interface DiscreteLmdOptions extends IntervalOptions {
  /** Share ε of the interval that the teacher covers in one step, in (0, 1]; 0.01 unless given. */
  readonly epsilon?: number;
  /** How that step is computed: `euler`, the theorem's, unless given; `heun` takes two evaluations of the teacher. */
  readonly solver?: Solver;
  /** Weight w(t, s) of the loss on F; 1 unless given. `lengthWeight()` is `w(t, s) = 1` of the theorem. */
  readonly weight?: LossWeight;
}

/**
 * The discrete loss of AYF-LMD at a finite ε ("Align Your Flow", Sabour, Fidler, Kreis 2025, the second theorem of
 * section 3.2): the map to `s' = s + ε (t - s)`, one Euler step of the teacher from `y = f⁻(x_t, t, s')` to s, then
 * `‖f(x_t, t, s) - y - (s - s') v(y, s')‖²`. It needs no derivative with respect to the target time.
 *
 * With `f = x_t + (s - t) F` the two ends differ by `(s - t) (F - (1 - ε) F⁻(x_t, t, s') - ε v(y, s'))`; the loss is
 * `w / ε` times the square of the second factor. Its gradient tends to that of `ayfLmd({ c: Infinity })` for small ε;
 * rounding errors of F are divided by ε. At s = t it is flow matching on v.
 *
 * The limit's `∂f/∂s - v(f, s)` is off by `ε (t - s) (∂²f/∂s² / 2 - dv/ds)`, with the derivative of `v(f, s)` by s. At the
 * exact map, where `∂²f/∂s² = dv/ds`, half of `dv/ds` remains. Heun's method adds half of the teacher's `dv/ds` along its own
 * trajectory, after which nothing of the order of ε remains there.
 *
 * Metric: `tangentNorm`, the mean of `‖F - target‖ / ε`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]
 */
export function discreteLmd(options: DiscreteLmdOptions = {}): Objective {
  requireKnownOptions('discreteLmd', options, {
    epsilon: true,
    solver: true,
    weight: true,
    intervalLengths: true,
    diagonalShare: true,
  });
  const { epsilon = 0.01, solver = 'euler', weight } = options;
  const { intervalLengths = logUniformLengths(), diagonalShare = 0.25 } = options;
  requirePositive('discreteLmd.epsilon', epsilon, 1);
  requireOneOf('discreteLmd.solver', solver, SOLVERS);
  const { config, draw } = intervalDraws('discreteLmd', { intervalLengths, diagonalShare }, 'start');
  return {
    name: 'discrete-lmd',
    config: { epsilon, ...(solver === 'euler' ? {} : { solver }), ...config, ...weightSettings(weight) },
    needs: { teacher: true, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'discrete AYF-LMD',
      text: 'The student learns to arrive where a shorter jump and a small step of the teacher arrive.',
      metrics: { tangentNorm: 'mean of ‖F − target‖ / ε' },
    },
    schedules: {},
    draw,

    loss({ student, xt, t, s, velocity }) {
      const F = student.averageVelocity(xt, t, s);
      const target = firstMapThenVelocity(student, { xt, t, s }, { velocity, solver }, full(epsilon, t.shape));
      return scaledSquares(F, target, { scale: 1 / epsilon, weights: weight?.weight(t, s) });
    },
  };
}

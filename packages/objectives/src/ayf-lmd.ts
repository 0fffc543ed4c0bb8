import { perSample, type Objective } from '@flowmap/core';
import { full, jvp, stopGradient } from '@flowmap/tensor';
import { normalizeTangent } from './ayf-emd.js';
import { requirePositive, requireShare } from './internal/checks.js';
import { meanNorm, squaredError } from './internal/norms.js';
import {
  lengthSettings,
  logUniformLengths,
  requireIntervals,
  sampleIntervals,
  type IntervalLengths,
} from './intervals.js';

/** Settings of {@link ayfLmd}. */
export interface AyfLmdOptions {
  /** Constant c of the tangent normalisation, > 0; `Infinity` = no normalisation; 0.1 unless given. */
  readonly c?: number;
  /** Distribution of the intervals, such as `mixedIntervals(…)`; `logUniformLengths()` unless given. */
  readonly intervalLengths?: IntervalLengths;
  /**
   * Share of the batch at s = t, in [0, 1), where the loss is flow matching on the teacher's velocity; 0.25 unless
   * given.
   */
  readonly diagonalShare?: number;
}

/**
 * AYF-LMD, the Lagrangian flow-map distillation loss of "Align Your Flow" (Sabour, Fidler, Kreis 2025), section 3.3.
 *
 * A flow map's endpoint moves along the teacher's trajectory: `d f(x_t, t, s) / ds = v(f(x_t, t, s), s)`. With
 * `f = x_t + (s - t) F` this is `F = v(f, s) - (s - t) dF/ds`, and the loss pulls F towards the right-hand side. The
 * teacher is evaluated where the student arrives, so training from data alone is not possible.
 *
 * Metric: `tangentNorm`, the mean of `||g||` before normalisation, L2 over all values of a sample.
 *
 * @throws {ConfigError} for a setting out of its range, or intervals outside [0, 1]
 */
export function ayfLmd(options: AyfLmdOptions = {}): Objective {
  const { c = 0.1, intervalLengths = logUniformLengths(), diagonalShare = 0.25 } = options;
  requirePositive('ayfLmd.c', c);
  requireShare('ayfLmd.diagonalShare', diagonalShare, { zero: true });
  requireIntervals(intervalLengths);
  return {
    name: 'ayf-lmd',
    config: { c: c === Infinity ? 'Infinity' : c, ...lengthSettings(intervalLengths), diagonalShare },
    needs: { teacher: true },
    watch: 'tangentNorm',
    schedules: {},
    draw: (key, batchSize) => sampleIntervals(key, batchSize, intervalLengths, diagonalShare),

    loss({ student, xt, t, s, velocity }) {
      // F and dF/ds with the start fixed: one forward-mode pass in the direction (0, 0, 1).
      const [F, dFds] = jvp((end) => student.averageVelocity(xt, t, end), [s], [full(1, s.shape)]);

      // The target is evaluated at theta^- = stopgrad(theta).
      const F_ = stopGradient(F);
      const dFds_ = stopGradient(dFds);
      const step = perSample(s.sub(t), xt);
      const f_ = xt.add(step.mul(F_));

      // df/ds - v(f, s) = F + (s - t) dF/ds - v(f, s)
      const g = F_.add(step.mul(dFds_)).sub(velocity(f_, s));
      const loss = squaredError(F, F_.sub(normalizeTangent(g, c)));
      return { loss, metrics: { tangentNorm: meanNorm(g) } };
    },
  };
}

import { perSample, type Objective } from '@flowmap/core';
import { requireKnownOptions, stopGradient } from '@flowmap/tensor';
import { bothOrders, type IntervalOrders } from './both-orders.js';
import { batchLoss } from './internal/batch-loss.js';
import { requireFlags, requireNormalized, requireOneOf, requirePositive, requireShare } from './internal/checks.js';
import { alongTarget } from './internal/derivatives.js';
import {
  lengthSettings,
  logUniformLengths,
  requireServing,
  sampleIntervals,
  type IntervalLengths,
} from './intervals.js';
import { weightSettings, type LossWeight } from './loss-weights.js';
import { normalizeTangent, TANGENT_NORMS, type TangentNorm } from './normalize-tangent.js';

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
  /** Norm of the tangent normalisation: `l2` or `rms`; `l2` unless given. Refused with `c: Infinity`. */
  readonly norm?: TangentNorm;
  /** Weight w(t, s) of the loss on F; 1 unless given. */
  readonly weight?: LossWeight;
  /** `down` trains towards data, `both` half of the samples towards noise; `down` unless given. */
  readonly orders?: IntervalOrders;
  /**
   * True leaves out samples whose tangent is NaN or infinite, and counts them in the metric `quarantined`. Training still
   * stops when no sample of a batch is finite, or the student's own output is not. False unless given.
   */
  readonly quarantine?: boolean;
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
 * @throws {ConfigError} for an unknown setting, one out of its range or without effect, or intervals outside [0, 1]
 */
export function ayfLmd(options: AyfLmdOptions = {}): Objective {
  requireKnownOptions('ayfLmd', options, {
    c: true,
    intervalLengths: true,
    diagonalShare: true,
    norm: true,
    weight: true,
    orders: true,
    quarantine: true,
  });
  const { c = 0.1, intervalLengths = logUniformLengths(), diagonalShare = 0.25 } = options;
  const { norm = 'l2', weight, orders = 'down', quarantine = false } = options;
  requirePositive('ayfLmd.c', c);
  requireShare('ayfLmd.diagonalShare', diagonalShare, { zero: true });
  requireServing('ayfLmd', intervalLengths, 'start', orders);
  requireOneOf('ayfLmd.norm', norm, TANGENT_NORMS);
  requireNormalized('ayfLmd.norm', options.norm, c);
  requireFlags('ayfLmd', { quarantine });
  const draw: Objective['draw'] = (key, batchSize) => sampleIntervals(key, batchSize, intervalLengths, diagonalShare);
  return {
    name: 'ayf-lmd',
    config: {
      c: c === Infinity ? 'Infinity' : c,
      ...lengthSettings(intervalLengths),
      diagonalShare,
      ...(norm === 'l2' ? {} : { norm }),
      ...weightSettings(weight),
      ...(orders === 'down' ? {} : { orders }),
      ...(quarantine ? { quarantine } : {}),
    },
    needs: { teacher: true, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'AYF-LMD',
      text:
        "The student learns that its endpoint moves with the teacher's velocity while the end of the interval moves. The loss " +
        'is normalised and says little; the tangent is what pulls on the student, and should shrink as the learning rate falls.',
      metrics: { tangentNorm: 'mean of ‖g‖ before normalisation' },
    },
    schedules: {},
    draw: orders === 'both' ? bothOrders(draw) : draw,

    loss(context) {
      const { xt, t, s, velocity } = context;
      // F and dF/ds with the start fixed: one forward-mode pass in the direction (0, 0, 1).
      const [F, dFds] = alongTarget(context);

      // The target is evaluated at theta^- = stopgrad(theta).
      const F_ = stopGradient(F);
      const dFds_ = stopGradient(dFds);
      const step = perSample(s.sub(t), xt);
      const f_ = xt.add(step.mul(F_));

      // df/ds - v(f, s) = F + (s - t) dF/ds - v(f, s)
      const g = F_.add(step.mul(dFds_)).sub(velocity(f_, s));
      const target = F_.sub(normalizeTangent(g, c, norm));
      return batchLoss(F, target, { tangentNorm: g }, { g, weights: weight?.weight(t, s), quarantine });
    },
  };
}

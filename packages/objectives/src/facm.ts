import { perSample, type Draws, type Objective } from '@flowmap/core';
import { requireKnownOptions, select, stopGradient, type Tensor } from '@flowmap/tensor';
import { requireFlags, requirePositive, requireUnweighted } from './internal/checks.js';
import { alongTrajectory } from './internal/derivatives.js';
import { meanNorm, sampleMeanSquares, sampleSize } from './internal/norms.js';
import { logitNormalPerSample } from './internal/per-sample.js';
import { cosineWeight } from './loss-weights.js';

/** Settings of {@link facm}. */
export interface FacmOptions {
  /** Mean of the logit of t; -0.4 unless given. */
  readonly mean?: number;
  /** Standard deviation of the logit of t, > 0; 1 unless given. */
  readonly std?: number;
  /** Power p of the relaxation `1 - (1 - t)^p`, > 0; 0.5 unless given. */
  readonly relaxation?: number;
  /**
   * True takes the teacher's velocity; false takes the data's, which is refused for samples of fewer than 16 values;
   * true unless given.
   */
  readonly teacher?: boolean;
}

/** Constant of the norm used in place of the square, and the length that counts as 0. */
const SMOOTHING = 1e-3;
const SMALLEST = 1e-30;

/**
 * Flow-anchored consistency models (Peng et al., "Flow-anchored consistency models", 2025): at each point, flow matching on
 * the velocity, which anchors the student, and a consistency loss towards data,
 *
 *     g = F - v + t dF/dt        of F = F(x_t, t, 0), along (v, 1)
 *     target = F⁻ - (1 - (1 - t)^p) clamp(g, -1, 1)
 *
 * as `cos(π (1 - t) / 2) e / √(e + 0.001)` with the mean square e of F - target, plus the mean square of `F(x_t, t, t)
 * - v` and 1 minus the cosine between the two. The target time, 0 or t, tells the network which of the tasks is meant:
 * the paper's variant with a second time input. The student learns only maps to s = 0, and the velocity.
 *
 * The formulas and constants are those of the authors' code, whose time is 1 - t. The distribution of times, a
 * setting there, is logit-normal here.
 *
 * Metrics: `tangentNorm`, the mean of `‖g‖`, and `matchingError`, the mean of `‖F(x_t, t, t) - v‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range; on tracing without a teacher, for samples with so
 *   few values that the mean over noise would not remain a mean
 */
export function facm(options: FacmOptions = {}): Objective {
  requireKnownOptions('facm', options, { mean: true, std: true, relaxation: true, teacher: true });
  const { mean = -0.4, std = 1, relaxation = 0.5, teacher = true } = options;
  requirePositive('facm.std', std);
  requirePositive('facm.relaxation', relaxation);
  requireFlags('facm', { teacher });
  return {
    name: 'facm',
    config: { mean, std, relaxation, teacher },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'FACM',
      text: 'The student learns the velocity everywhere, and that its endpoint at data stays where it is along it.',
      metrics: { tangentNorm: 'mean of ‖g‖', matchingError: 'mean of ‖F − v‖ at s = t' },
    },
    schedules: {},
    draw: (key, count): Draws => ({
      t: logitNormalPerSample(key, 'times', count, { mean, std }),
      s: new Float32Array(count),
    }),

    loss(context) {
      const { student, xt, t, s, velocity } = context;
      const size = sampleSize(xt);
      requireUnweighted('facm.teacher', { isWeighted: !teacher, size, wanted: 'teacher: true, got false' });
      const v = velocity(xt, t);
      const matched = student.averageVelocity(xt, t, t);
      const matching = sampleMeanSquares(matched.sub(v)).sub(cosines(matched, v)).add(1);

      const [F, dFdt] = alongTrajectory(context, v);
      const F_ = stopGradient(F);
      const g = F_.sub(v).add(perSample(t.sub(s), xt).mul(stopGradient(dFdt)));
      // 1 - (1 - t)^p; at t = 1 the logarithm of 1 - t does not exist.
      const left = t.neg().add(1).maximum(SMALLEST).log().mul(relaxation).exp();
      const target = F_.sub(perSample(left.neg().add(1), xt).mul(g.maximum(-1).minimum(1)));
      const e = sampleMeanSquares(F.sub(target));
      const norm = e.div(stopGradient(e.add(SMOOTHING).sqrt()));
      const weights = perSample(cosineWeight().weight(t, s), xt);
      return {
        loss: norm.mul(weights).mean().add(matching.mean()),
        metrics: { tangentNorm: meanNorm(g), matchingError: meanNorm(matched.sub(v)) },
      };
    },
  };
}

/** Cosines along the first axis of a sample, averaged over the others, `[batch, 1, …]`; 0 where a length is almost 0. */
function cosines(a: Tensor, b: Tensor): Tensor {
  const rest = a.shape.map((_, axis) => axis).slice(1);
  const dot = (x: Tensor, y: Tensor): Tensor => x.mul(y).sum([1], true);
  const squares = dot(a, a).mul(dot(b, b));
  const cosine = dot(a, b).div(squares.maximum(SMALLEST).sqrt());
  return select(squares.greater(SMALLEST), cosine, 0).mean(rest, true);
}

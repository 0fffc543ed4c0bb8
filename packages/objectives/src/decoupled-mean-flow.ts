import { perSample, type Draws, type Objective } from '@flowmap/core';
import { requireKnownOptions, stopGradient, type Tensor } from '@flowmap/tensor';
import { requireFlags, requirePositive, requireUnweighted } from './internal/checks.js';
import { alongTrajectory } from './internal/derivatives.js';
import { intervalDraws, type IntervalOptions } from './internal/interval-options.js';
import { meanNorm, sampleMeanSquares, sampleSize } from './internal/norms.js';
import { pathPoint } from './internal/path-points.js';
import { logitNormalPerSample } from './internal/per-sample.js';
import { logitNormalEnds } from './intervals.js';

/** Settings of {@link decoupledMeanFlow}. */
export interface DecoupledMeanFlowOptions extends Pick<IntervalOptions, 'intervalLengths'> {
  /** Constant of the Cauchy loss `log(mean square + c)`, > 0, or `Infinity` for the mean square; 0.01 unless given. */
  readonly c?: number;
  /** True takes the teacher's velocity for `z - x_0`; false unless given. */
  readonly teacher?: boolean;
}

/** Name of the second batch's times among the draws, and their distribution. */
const TIME = 'matchingTime';
const TIMES = { mean: -0.4, std: 1 };

/**
 * Decoupled MeanFlow (Lee, Yu, Shin, "Decoupled MeanFlow: turning flow models into flow maps for accelerated sampling",
 * 2025): half a flow-matching loss and half a MeanFlow loss, each on the whole batch at its own times, as `log(mean
 * square + c)`. It is meant for a student whose last blocks alone get the target time: `flowMapFrom(teacher, seed, {
 * intervalBlocks })`.
 *
 * Times of flow matching are logit-normal with (-0.4, 1). Those of MeanFlow are `logitNormalEnds({ mean: 0 })` unless
 * `intervalLengths` is given; the authors' code has means of -0.2 and 0.2. Its learned variance per time is left out.
 *
 * Metrics: `tangentNorm`, the mean of `‖F - target‖`, and `matchingError`, the mean of `‖F(x, t, t) - v‖` in the second
 * batch.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range, or intervals outside [0, 1]; on tracing without a
 *   teacher, for a Cauchy loss that is wrong for samples with so few values
 */
export function decoupledMeanFlow(options: DecoupledMeanFlowOptions = {}): Objective {
  requireKnownOptions('decoupledMeanFlow', options, { c: true, teacher: true, intervalLengths: true });
  const { c = 0.01, teacher = false, intervalLengths = logitNormalEnds({ mean: 0 }) } = options;
  requirePositive('decoupledMeanFlow.c', c);
  requireFlags('decoupledMeanFlow', { teacher });
  const { config, draw } = intervalDraws('decoupledMeanFlow', { intervalLengths }, 'end');
  /** `log(mean square + c)` of each sample's error, averaged over the batch. */
  const cauchy = (error: Tensor): Tensor => {
    const squares = sampleMeanSquares(error);
    return (c === Infinity ? squares : squares.add(c).log()).mean();
  };
  return {
    name: 'decoupled-mean-flow',
    config: { c: c === Infinity ? 'Infinity' : c, ...config, teacher },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'decoupled MeanFlow',
      text: 'MeanFlow with a flow-matching loss on a second batch, for a student whose last blocks alone know the target time.',
      metrics: { tangentNorm: 'mean of ‖F − target‖', matchingError: 'mean of ‖F − v‖ at s = t, in the second batch' },
    },
    schedules: {},
    draws: { [TIME]: [] },
    draw: (key, batchSize): Draws => ({
      ...draw(key, batchSize),
      [TIME]: logitNormalPerSample(key, 'times.matching', batchSize, TIMES),
    }),

    loss(context) {
      const { student, xt, t, s, draws, velocity } = context;
      if (!teacher) {
        const wanted = `c: Infinity, got ${c}`;
        requireUnweighted('decoupledMeanFlow.c', { isWeighted: c < Infinity, size: sampleSize(xt), wanted });
      }
      const time = draws[TIME]!;
      const other = pathPoint({ ...context, noise: context.noise.neg() }, time, teacher);
      const matching = student.averageVelocity(other.x, time, time).sub(other.v);

      const v = velocity(xt, t);
      const [F, dFdt] = alongTrajectory(context, v);
      const error = F.sub(v.sub(perSample(t.sub(s), xt).mul(stopGradient(dFdt))));
      return {
        loss: cauchy(matching).add(cauchy(error)).mul(0.5),
        metrics: { tangentNorm: meanNorm(error), matchingError: meanNorm(matching) },
      };
    },
  };
}

import { ConfigError, type Draws, type Objective } from '@flowmap/core';
import { requireKnownOptions, requireMember, sizeOf } from '@flowmap/tensor';
import { requirePositive, requireShare } from './internal/checks.js';
import { meanNorm, squaredError } from './internal/norms.js';
import { pathPoint } from './internal/path-points.js';
import { uniformPerSample } from './internal/per-sample.js';
import { isTaken, takenBefore } from './internal/places.js';
import { told } from './internal/told.js';
import { diagonalIntervals, drawInterval } from './intervals.js';

/** How {@link velocityAnchor} holds the velocity: by a share of the batch, or by a second batch. */
export type VelocityAnchorOptions =
  | {
      /** Share of the batch at s = t, in (0, 1). */
      readonly share: number;
    }
  | {
      /** A second batch at s = t. */
      readonly batch: {
        /** Factor of its loss, > 0; 1 unless given. */
        readonly weight?: number;
      };
    };

/** Name of the second batch's times among the draws. */
const TIME = 'anchorTime';

/**
 * An objective that also holds the student's velocity `F(x, t, t)` at the teacher's. Long intervals move this velocity
 * through the weights that all intervals share, nothing else in the loss pulls it back, and samples of many steps follow
 * it.
 *
 * With `share`, that share of the batch gets `s = t ~ U(0, 1)`: every fourth sample for a share of 1/4. For the rest of
 * the batch the objective draws what it draws for a batch of that size. There is no extra cost, but the velocity is
 * only held by what the objective is at s = t. AYF-EMD and AYF-LMD are flow matching on the teacher's velocity there
 * (without a teacher, on the data's); their option `diagonalShare` does the same. Objectives whose target at s = t is
 * the student's own output are not flow matching there, and need `batch`.
 *
 * With `batch`, the flow-matching loss `weight ‖F(x, t, t) - v(x, t)‖²` of a second batch is added, summed over a
 * sample's values and averaged over the batch: the same data, with the noise negated, at its own times `t ~ U(0, 1)`. It
 * works with every objective, and costs one more pass of the student and, if there is one, the teacher. It is not
 * normalised as AYF's losses are: the metric `anchorError`, the mean of `‖F - v‖`, shows how strongly it pulls.
 *
 * @param objective one that is trained on intervals, t > s
 * @returns an objective of the same name, with `velocityAnchor.*` added to its settings
 * @throws {ConfigError} for a share or weight out of its range, or for an objective that is trained only at s = t, or
 *   has an anchor batch already
 *
 * @example
 * const held = velocityAnchor(ayfEmd({ diagonalShare: 0 }), { batch: { weight: 0.5 } });
 */
export function velocityAnchor(objective: Objective, options: VelocityAnchorOptions): Objective {
  requireMember('velocityAnchor.objective', objective, { member: 'loss', wanted: 'an objective, such as `ayfEmd()`' });
  requireKnownOptions<{ share?: number; batch?: object }>('velocityAnchor', options, { share: true, batch: true });
  if (Object.keys(options).length !== 1) {
    throw new ConfigError('velocityAnchor', 'wanted either `share` or `batch`; one has no effect beside the other');
  }
  requireGaps(objective);
  if ('share' in options) return withShare(objective, options.share);
  requireKnownOptions('velocityAnchor.batch', options.batch, { weight: true });
  return withBatch(objective, options.batch.weight ?? 1);
}

function withShare(objective: Objective, share: number): Objective {
  requireShare('velocityAnchor.share', share, { zero: false });
  const diagonal = diagonalIntervals();
  return {
    ...objective,
    ...told(objective, `A share of ${share} of the batch holds the student's velocity at s = t.`),
    config: { ...objective.config, 'velocityAnchor.share': share },
    draw(key, batchSize): Draws {
      const others = objective.draw(key, batchSize - takenBefore(share, batchSize));
      const sizes = Object.entries({ t: [], s: [], ...objective.draws }).map(
        ([name, shape]) => [name, sizeOf(shape)] as const,
      );
      const draws = Object.fromEntries(
        sizes.map(([name, size]) => [name, new Float32Array(batchSize * size)]),
      ) as Draws;
      for (let sample = 0; sample < batchSize; sample++) {
        const held = isTaken(share, sample);
        // A sample at s = t takes all other draws of the sample before it.
        const row = sample - takenBefore(share, sample) - (held ? 1 : 0);
        for (const [name, size] of sizes) {
          draws[name]!.set(others[name]!.subarray(row * size, (row + 1) * size), sample * size);
        }
        if (held) [draws.t[sample], draws.s[sample]] = drawInterval(diagonal, { ...key, sample, place: sample });
      }
      return draws;
    },
  };
}

function withBatch(objective: Objective, weight: number): Objective {
  requirePositive('velocityAnchor.batch.weight', weight);
  if (Object.hasOwn(objective.draws ?? {}, TIME)) {
    throw new ConfigError('velocityAnchor.objective', `${objective.name} has an anchor batch already`);
  }
  return {
    ...objective,
    ...told(objective, `A second batch at s = t, of weight ${weight}, holds the student's velocity.`, {
      anchorError: 'mean of ‖F − v‖ at s = t, in the second batch',
    }),
    config: { ...objective.config, 'velocityAnchor.batch.weight': weight },
    draws: { ...objective.draws, [TIME]: [] },
    draw: (key, batchSize): Draws => ({
      ...objective.draw(key, batchSize),
      [TIME]: uniformPerSample(key, 'times.anchor', batchSize),
    }),
    loss(context) {
      const { loss, metrics } = objective.loss(context);
      const t = context.draws[TIME]!;
      const { x, v } = pathPoint({ ...context, noise: context.noise.neg() }, t, objective.needs.teacher);
      const F = context.student.averageVelocity(x, t, t);
      return {
        loss: loss.add(squaredError(F, v).mul(weight)),
        metrics: { ...metrics, anchorError: meanNorm(F.sub(v)) },
      };
    },
  };
}

/**
 * Checks that an objective is trained on intervals.
 *
 * @throws {ConfigError} for one that is trained only at s = t
 */
function requireGaps(objective: Objective): void {
  const { t, s } = objective.draw({ seed: 0, step: 0, iterations: 1 }, 16);
  if (t.every((time, i) => time === s[i])) {
    const wanted = 'wanted an objective that draws intervals, t > s';
    throw new ConfigError('velocityAnchor.objective', `${wanted}; ${objective.name} is trained only at s = t`);
  }
}

import { ConfigError, conditionalVelocity, interpolate, type Draws, type Objective } from '@flowmap/core';
import { sizeOf, uniforms } from '@flowmap/tensor';
import { requirePositive, requireShare } from './internal/checks.js';
import { meanNorm, squaredError } from './internal/norms.js';
import { isTaken, takenBefore } from './internal/places.js';
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

/** What the times of the second batch are called among the draws. */
const TIME = 'anchorTime';

/**
 * An objective that also holds the student's velocity `F(x, t, t)` where the teacher's is. Long intervals move it through the weights
 * that all intervals share, nothing in them pulls it back, and samplers of many steps follow it.
 *
 * With `share`, that share of the batch has `s = t ~ U(0, 1)`, each fourth sample of a share 1/4, and the objective draws the others as
 * if there were no more. It costs nothing. What the objective is at s = t is then what holds the velocity: AYF-EMD and AYF-LMD are flow
 * matching there, on the teacher's velocity (on the data's without a teacher), and so is the option `diagonalShare` that they have for
 * it. Objectives whose target at s = t is the student's own output are not, and want `batch`.
 *
 * With `batch`, the flow-matching loss `weight ‖F(x, t, t) - v(x, t)‖²`, summed over a sample's values and averaged over the batch, of a
 * second batch is added: the same data with the negated noise, at times `t ~ U(0, 1)` of its own. It holds the velocity under every
 * objective, and takes another pass through the student and, where there is one, the teacher. It is not normalised as AYF's losses are:
 * the metric `anchorError`, mean of `‖F - v‖`, tells how strongly it pulls.
 *
 * @param objective one with intervals: its times t and s differ
 * @returns an objective of the same name, with the settings `velocityAnchor.*` more
 * @throws {ConfigError} for a share or weight out of its range, or an objective that is trained at s = t alone or has an anchor batch
 *
 * @example
 * const held = velocityAnchor(ayfEmd({ diagonalShare: 0 }), { batch: { weight: 0.5 } });
 */
export function velocityAnchor(objective: Objective, options: VelocityAnchorOptions): Objective {
  requireGaps(objective);
  if ('share' in options) return withShare(objective, options.share);
  return withBatch(objective, options.batch.weight ?? 1);
}

function withShare(objective: Objective, share: number): Objective {
  requireShare('velocityAnchor.share', share, { zero: false });
  const diagonal = diagonalIntervals();
  return {
    ...objective,
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
        // What else is drawn for a sample at s = t is what the one before has.
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
    config: { ...objective.config, 'velocityAnchor.batch.weight': weight },
    draws: { ...objective.draws, [TIME]: [] },
    draw(key, batchSize): Draws {
      const { seed, step } = key;
      const time = (_: unknown, sample: number): number =>
        uniforms({ seed, step, sample, purpose: 'times.anchor' }, 1)[0]!;
      return { ...objective.draw(key, batchSize), [TIME]: Float32Array.from({ length: batchSize }, time) };
    },
    loss(context) {
      const { student, x0, noise, path, draws, velocity } = context;
      const { loss, metrics } = objective.loss(context);
      const t = draws[TIME]!;
      const other = noise.neg();
      const x = interpolate(x0, other, t, path);
      const target = objective.needs.teacher ? velocity(x, t) : conditionalVelocity(x0, other, t, path);
      const F = student.averageVelocity(x, t, t);
      return {
        loss: loss.add(squaredError(F, target).mul(weight)),
        metrics: { ...metrics, anchorError: meanNorm(F.sub(target)) },
      };
    },
  };
}

/** Checks that an objective is trained off the diagonal. */
function requireGaps(objective: Objective): void {
  const { t, s } = objective.draw({ seed: 0, step: 0, iterations: 1 }, 16);
  if (t.every((time, i) => time === s[i])) {
    const wanted = 'wanted an objective that draws intervals, t > s';
    throw new ConfigError('velocityAnchor.objective', `${wanted}; ${objective.name} is trained at s = t alone`);
  }
}

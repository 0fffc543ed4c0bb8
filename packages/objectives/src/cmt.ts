import { perSample, type Draws, type Objective } from '@flowmap/core';
import { full, requireKnownOptions, requireWhole, uniforms, type Tensor } from '@flowmap/tensor';
import { requireOneOf } from './internal/checks.js';
import { scaledSquares } from './internal/scaled-squares.js';
import { SOLVERS, stepVelocity, type Solver } from './internal/solver.js';
import { weightSettings, type LossWeight } from './loss-weights.js';

/** Settings of {@link cmt}. */
export interface CmtOptions {
  /** Steps of the teacher's trajectory, at least 1; 8 unless given. */
  readonly steps?: number;
  /** The solver; `heun` unless given. */
  readonly solver?: Solver;
  /**
   * Targets: any later point of the trajectory, or only its end at data, as for consistency models; `any`
   * unless given.
   */
  readonly targets?: 'any' | 'data';
  /** Weight w(t, s) of the loss on F; 1 unless given. `lengthWeight()` is the loss on points. */
  readonly weight?: LossWeight;
}

/**
 * CMT, consistency mid-training (Hu, Lai, Mitsufuji, Ermon, "CMT: mid-training for efficient learning of consistency, mean
 * flow, and flow map models", 2025): a solver follows the teacher from noise to data, and the student learns by plain
 * regression to jump from one point of that trajectory to a later one: `w ‖F(x_i, t_i, t_j) - (x_i - x_j) / (t_i - t_j)‖²`, i < j.
 * There are no derivatives, and no target comes from the student, so it cannot diverge; it is meant to come before another
 * objective. What the student learns is the solver's map, not the teacher's.
 *
 * The distance is squared, in place of the paper's LPIPS. Each sample has its own trajectory and one pair of points on
 * it, drawn uniformly; of the data only the conditions are used. A training step takes `steps` passes of the teacher
 * with `euler`, twice that with `heun`.
 *
 * Metric: `tangentNorm`, the mean of `‖F - target‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range
 */
export function cmt(options: CmtOptions = {}): Objective {
  requireKnownOptions('cmt', options, { steps: true, solver: true, targets: true, weight: true });
  const { steps = 8, solver = 'heun', targets = 'any', weight } = options;
  requireWhole('cmt.steps', steps);
  requireOneOf('cmt.solver', solver, SOLVERS);
  requireOneOf('cmt.targets', targets, ['any', 'data']);
  return {
    name: 'cmt',
    config: { steps, solver, targets, ...weightSettings(weight) },
    needs: { teacher: true, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'CMT',
      text: "The student learns jumps between the points of the teacher's trajectories, by plain regression.",
      metrics: { tangentNorm: 'mean of ‖F − target‖' },
    },
    schedules: {},
    draw({ seed, step }, count): Draws {
      const [t, s] = [new Float32Array(count), new Float32Array(count)];
      for (let sample = 0; sample < count; sample++) {
        const [u, w] = uniforms({ seed, purpose: 'times.grid', step, sample }, 2) as unknown as [number, number];
        const [i, j] = pairOf(steps, targets === 'data' ? steps : undefined, u, w);
        t[sample] = 1 - i / steps;
        s[sample] = 1 - j / steps;
      }
      return { t, s };
    },

    loss({ student, noise, t, s, velocity }) {
      // Steps before t lead to the point, steps between t and s make up the target.
      const count = t.sub(s).mul(steps).maximum(1);
      let [x, xt, sum]: [Tensor, Tensor, Tensor] = [noise, noise, noise.mul(0)];
      for (let k = 0; k < steps; k++) {
        const [from, to] = [full(1 - k / steps, t.shape), full(1 - (k + 1) / steps, t.shape)];
        const v = stepVelocity(solver, velocity, x, from, to);
        const move = v.mul(-1 / steps);
        const middle = 1 - (k + 0.5) / steps;
        const [isBefore, isIn] = [
          t.less(middle),
          t.greater(middle).cast('float32').mul(s.less(middle).cast('float32')),
        ];
        xt = xt.add(perSample(isBefore.cast('float32'), x).mul(move));
        sum = sum.add(perSample(isIn, x).mul(v));
        x = x.add(move);
      }
      const target = sum.div(perSample(count, xt));
      const F = student.averageVelocity(xt, t, s);
      return scaledSquares(F, target, { weights: weight?.weight(t, s) });
    },
  };
}

/** Indices i < j of a grid of so many steps: j given, or all pairs alike. */
function pairOf(steps: number, last: number | undefined, u: number, w: number): [number, number] {
  if (last !== undefined) return [Math.floor(u * last), last];
  // Two different numbers from 0 to `steps`.
  const one = Math.floor(u * (steps + 1));
  const other = (one + 1 + Math.floor(w * steps)) % (steps + 1);
  return [Math.min(one, other), Math.max(one, other)];
}

import { perSample, type Objective, type Progress, type Times } from '@flowmap/core';
import { jvp, normals, splat, stopGradient, uniforms, type Tensor } from '@flowmap/tensor';
import { requirePositive } from './internal/checks.js';
import { meanNorm, sampleNorm, squaredError } from './internal/norms.js';

/** Settings of {@link ayfEmd}. */
export interface AyfEmdOptions {
  /** Iterations H over which r rises from 0; 0.3 of the run's iterations, at most 10,000, unless given. */
  readonly warmup?: number;
  /** Final value r_max of r, in (0, 1]; 0.99 unless given. */
  readonly maxWarmup?: number;
  /** Constant c of the tangent normalisation, > 0; `Infinity` = no normalisation; 0.1 unless given. */
  readonly c?: number;
  /** Mean of tau, whose sigmoid is the interval's length; -0.8 unless given. */
  readonly intervalMean?: number;
  /** Standard deviation of tau, > 0; 1 unless given. */
  readonly intervalStd?: number;
  /**
   * False trains from data alone, with `z - x_0` for the teacher's velocity. Normalisation then turns the mean over noise into
   * a spatial median: harmless for images, wrong for points of a few dimensions, which want `c: Infinity`. True unless given.
   */
  readonly teacher?: boolean;
}

/**
 * AYF-EMD, the Eulerian flow-map distillation loss of "Align Your Flow" (Sabour, Fidler, Kreis 2025), Algorithm 1.
 *
 * A flow map's endpoint does not move when its start slides along the teacher's trajectory: `d f(x_t, t, s) / dt = 0`. With
 * `f = x_t + (s - t) F` this says `F = v - (t - s) dF/dt`, and the loss pulls F towards its right-hand side. Its value
 * is near 1 whatever the quality (normalisation), so watch the metrics: `tangentNorm`, mean of `||g||` before
 * normalisation, and `velocityError`, mean of `||v - F||`, both L2 over all values of a sample.
 *
 * @throws {ConfigError} for a setting out of its range
 */
export function ayfEmd(options: AyfEmdOptions = {}): Objective {
  const { warmup, maxWarmup = 0.99, c = 0.1, intervalMean = -0.8, intervalStd = 1, teacher = true } = options;
  if (warmup !== undefined) requirePositive('ayfEmd.warmup', warmup);
  requirePositive('ayfEmd.maxWarmup', maxWarmup, 1);
  requirePositive('ayfEmd.c', c);
  requirePositive('ayfEmd.intervalStd', intervalStd);
  return {
    name: 'ayf-emd',
    config: {
      warmup: warmup ?? null,
      maxWarmup,
      c: c === Infinity ? 'Infinity' : c,
      intervalMean,
      intervalStd,
      teacher,
    },
    needs: { teacherAt: teacher ? 'xt' : 'none' },
    schedules: { warmup: (progress) => tangentWarmup(progress, warmup, maxWarmup) },
    sampleTimes: (key, batchSize) => sampleIntervals(key, batchSize, intervalMean, intervalStd),

    loss({ student, xt, t, s, velocity: v, schedules }) {
      // F and its total derivative along the teacher's trajectory, dF/dt = (∂F/∂x) v + ∂F/∂t with s fixed: one forward-mode
      // pass at (x_t, t) in the direction (v, 1) (theorem 3.2).
      const [F, dFdt] = jvp((x, time) => student.averageVelocity(x, time, s), [xt, t], [v, splat(1, t.shape)]);

      // The target is made of values of theta^- = stopgrad(theta): F and dF/dt are stopped, never the parameters, so that
      // value, derivative and gradient share one forward pass.
      const F_ = stopGradient(F);
      const dFdt_ = stopGradient(dFdt);

      // - df/dt = (F - v) + (t - s) dF/dt, its unstable term scaled by r (equations 4 and 5).
      const r = schedules['warmup']!;
      const g = F_.sub(v).add(perSample(r.mul(t.sub(s)), xt).mul(dFdt_));

      // The loss on F (Algorithm 1): its gradient is that of 2 <F, g / (||g|| + c)>.
      const loss = squaredError(F, F_.sub(normalizeTangent(g, c)));
      return { loss, metrics: { tangentNorm: meanNorm(g), velocityError: meanNorm(F_.sub(v)) } };
    },
  };
}

/**
 * Tangent warm-up `r = min(r_max, step / H)` (section 3.4). `g(r)` is r times the EMD tangent plus (1 - r) times the gradient of
 * `||F - v||^2`, so training starts from straight trajectories, and r_max < 1 keeps a trace of that regulariser for ever.
 *
 * @param H iterations of the rise; 0.3 of all iterations, at most 10,000, unless given
 */
export function tangentWarmup({ step, iterations }: Progress, H = warmupIterations(iterations), rMax = 0.99): number {
  return Math.min(rMax, step / H);
}

/** `H = min(0.3 iterations, 10000)`, at least 1: the paper's 10,000 is for long runs. */
function warmupIterations(iterations: number): number {
  return Math.max(1, Math.min(0.3 * iterations, 10_000));
}

/**
 * Tangent normalisation `g / (||g|| + c)` with the L2 norm over all values of a sample (section 3.4).
 *
 * @param g `[batch, ...shape]`
 * @param c constant that keeps small tangents small; 0.1 unless given, `Infinity` = no normalisation
 * @returns shaped as `g`
 */
export function normalizeTangent(g: Tensor, c = 0.1): Tensor {
  return c === Infinity ? g : g.div(sampleNorm(g).add(c));
}

/**
 * Draws intervals `[s, t]`: `tau ~ N(mean, std^2)`, length `d = sigmoid(tau)`, `s ~ U(0, 1 - d)`, `t = s + d` (Algorithm 1,
 * appendix F). Sample i of a step has its own random stream, so that its times do not depend on the batch size.
 *
 * @returns `t` and `s`, each `[count]`, `0 <= s <= t <= 1`
 */
export function sampleIntervals(
  { seed, step }: { readonly seed: number; readonly step: number },
  count: number,
  mean = -0.8,
  std = 1,
): Times {
  const t = new Float32Array(count);
  const s = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const [z] = normals({ seed, purpose: 'times', step, sample: i }, 1);
    const [u] = uniforms({ seed, purpose: 'times.start', step, sample: i }, 1);
    const d = 1 / (1 + Math.exp(-(mean + std * z!)));
    s[i] = u! * (1 - d);
    t[i] = u! * (1 - d) + d;
  }
  return { t, s };
}

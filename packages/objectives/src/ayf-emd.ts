import { ConfigError, perSample, type Objective, type Progress } from '@flowmap/core';
import { jvp, full, stopGradient, type Tensor } from '@flowmap/tensor';
import { requirePositive, requireShare } from './internal/checks.js';
import { meanNorm, sampleNorm, squaredError } from './internal/norms.js';
import {
  lengthSettings,
  logitNormalLengths,
  logUniformLengths,
  requireIntervals,
  sampleIntervals,
  type IntervalLengths,
} from './intervals.js';

/** Settings of {@link ayfEmd}. */
export interface AyfEmdOptions {
  /** Name in {@link AYF_EMD_PRESETS} of the preset that supplies the settings not given; `default` unless given. */
  readonly preset?: AyfEmdPreset;
  /** Steps H over which r rises from 0; `null`, the default, takes 0.3 of the run's iterations, at most 10,000. */
  readonly warmupSteps?: number | null;
  /** Final value r_max of r, in (0, 1]. */
  readonly rMax?: number;
  /** Constant c of the tangent normalisation, > 0; `Infinity` = no normalisation. */
  readonly c?: number;
  /** Distribution of the intervals, such as `mixedIntervals(…)` or `stepIntervals({ steps: [1, 2, 4] })`. */
  readonly intervalLengths?: IntervalLengths;
  /**
   * Share of the batch at s = t, in [0, 1), where the loss is flow matching on the teacher's velocity. It keeps the
   * velocity `F(x, t, t)` close to the teacher's: long intervals shift it through shared weights, and nothing else
   * pulls it back.
   */
  readonly diagonalShare?: number;
  /**
   * False trains from data alone, with `z - x_0` in place of the teacher's velocity. Normalisation then turns the mean
   * over noise into a spatial median: harmless for images, wrong for points in a few dimensions, which need
   * `c: Infinity`. True unless given.
   */
  readonly teacher?: boolean;
}

/** Names of {@link AYF_EMD_PRESETS}. */
export type AyfEmdPreset = 'default' | 'ayf-paper';

/**
 * Settings of AYF-EMD by name: `default` was chosen in trials for students that do not get worse with more steps
 * (docs/log.md); `ayf-paper` has the paper's constants (c, r_max; section 3.4) and its text-to-image settings (H and
 * the interval lengths, appendix F.1).
 */
export const AYF_EMD_PRESETS: Readonly<Record<AyfEmdPreset, Required<Omit<AyfEmdOptions, 'preset' | 'teacher'>>>> = {
  default: {
    warmupSteps: null,
    rMax: 0.99,
    c: 0.1,
    intervalLengths: logUniformLengths({ shortest: 1 / 64 }),
    diagonalShare: 0.25,
  },
  'ayf-paper': {
    warmupSteps: 10_000,
    rMax: 0.99,
    c: 0.1,
    intervalLengths: logitNormalLengths({ mean: -0.8, std: 1 }),
    diagonalShare: 0,
  },
};

/**
 * AYF-EMD, the Eulerian flow-map distillation loss of "Align Your Flow" (Sabour, Fidler, Kreis 2025), Algorithm 1.
 *
 * A flow map's endpoint does not move when its start slides along the teacher's trajectory: `d f(x_t, t, s) / dt = 0`.
 * With `f = x_t + (s - t) F` this is `F = v - (t - s) dF/dt`, and the loss pulls F towards the right-hand side. Because
 * of the normalisation its value stays near 1 whatever the quality, so watch the metrics: `tangentNorm`, the mean of
 * `||g||` before normalisation, and `velocityError`, the mean of `||v - F||`, both L2 over all values of a sample.
 *
 * @throws {ConfigError} for a setting out of its range, or intervals outside [0, 1]
 */
export function ayfEmd(options: AyfEmdOptions = {}): Objective {
  const { preset = 'default', teacher = true, ...given } = options;
  if (!Object.hasOwn(AYF_EMD_PRESETS, preset)) {
    const names = Object.keys(AYF_EMD_PRESETS).join(', ');
    throw new ConfigError('ayfEmd.preset', `wanted one of ${names}, got '${preset}'`);
  }
  const { warmupSteps, rMax, c, intervalLengths, diagonalShare } = { ...AYF_EMD_PRESETS[preset], ...given };
  if (warmupSteps !== null) requirePositive('ayfEmd.warmupSteps', warmupSteps);
  requirePositive('ayfEmd.rMax', rMax, 1);
  requirePositive('ayfEmd.c', c);
  requireShare('ayfEmd.diagonalShare', diagonalShare, { zero: true });
  requireIntervals(intervalLengths);
  return {
    name: 'ayf-emd',
    config: {
      warmupSteps,
      rMax,
      c: c === Infinity ? 'Infinity' : c,
      ...lengthSettings(intervalLengths),
      diagonalShare,
      teacher,
    },
    needs: { teacher },
    watch: 'tangentNorm',
    schedules: { r: (progress) => tangentWarmup(progress, warmupSteps ?? undefined, rMax) },
    draw: (key, batchSize) => sampleIntervals(key, batchSize, intervalLengths, diagonalShare),

    loss({ student, xt, t, s, velocity, schedules }) {
      const v = velocity(xt, t);
      // F and its total derivative along the teacher's trajectory, dF/dt = (∂F/∂x) v + ∂F/∂t with s fixed: one
      // forward-mode pass at (x_t, t) in the direction (v, 1) (theorem 3.2).
      const [F, dFdt] = jvp((x, time) => student.averageVelocity(x, time, s), [xt, t], [v, full(1, t.shape)]);

      // The target is evaluated at theta^- = stopgrad(theta). F and dF/dt are stopped rather than the parameters, so
      // the value, derivative and gradient share one forward pass.
      const F_ = stopGradient(F);
      const dFdt_ = stopGradient(dFdt);

      // - df/dt = (F - v) + (t - s) dF/dt, its unstable term scaled by r (equations 4 and 5).
      const r = schedules['r']!;
      const g = F_.sub(v).add(perSample(r.mul(t.sub(s)), xt).mul(dFdt_));

      // The loss on F (Algorithm 1): its gradient is that of 2 <F, g / (||g|| + c)>.
      const loss = squaredError(F, F_.sub(normalizeTangent(g, c)));
      return { loss, metrics: { tangentNorm: meanNorm(g), velocityError: meanNorm(F_.sub(v)) } };
    },
  };
}

/**
 * Tangent warm-up `r = min(r_max, step / H)` (section 3.4). `g(r)` is r times the EMD tangent plus (1 - r) times the
 * gradient of `||F - v||^2`, so training starts from straight trajectories, and r_max < 1 keeps a trace of that
 * regulariser to the end.
 *
 * @param H steps over which r rises; 0.3 of all iterations, at most 10,000, unless given
 */
export function tangentWarmup({ step, iterations }: Progress, H = defaultWarmupSteps(iterations), rMax = 0.99): number {
  return Math.min(rMax, step / H);
}

/** `H = min(0.3 iterations, 10000)`, at least 1: the paper's 10,000 suits long runs. */
function defaultWarmupSteps(iterations: number): number {
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

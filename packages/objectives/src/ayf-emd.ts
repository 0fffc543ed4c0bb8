import { ConfigError, perSample, type Objective, type Progress } from '@flowmap/core';
import { requireKnownOptions, stopGradient } from '@flowmap/tensor';
import { bothOrders, type IntervalOrders } from './both-orders.js';
import { batchLoss } from './internal/batch-loss.js';
import {
  requireFlags,
  requireMean,
  requireNormalized,
  requireOneOf,
  requirePositive,
  requireShare,
} from './internal/checks.js';
import { alongTrajectory } from './internal/derivatives.js';
import { sampleSize } from './internal/norms.js';
import { spikeCount, spikeFactors } from './internal/spikes.js';
import {
  lengthSettings,
  logitNormalLengths,
  logUniformLengths,
  requireServing,
  sampleIntervals,
  type IntervalLengths,
} from './intervals.js';
import { weightSettings, type LossWeight } from './loss-weights.js';
import { normalizeTangent, TANGENT_NORMS, type TangentNorm } from './normalize-tangent.js';

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
   * Norm of the tangent normalisation: `l2`, or `rms`, with which c means the same for any number of values in a
   * sample; `l2` unless given. Refused with `c: Infinity`, where it has no effect.
   */
  readonly norm?: TangentNorm;
  /** Weight w(t, s) of the loss on F; 1, as in Algorithm 1, unless given. */
  readonly weight?: LossWeight;
  /**
   * `down` trains towards data; `both` trains half of the samples towards noise, for a map that also inverts; `down`
   * unless given. The equations stay the same: `f = x_t + (s - t) F` carries the sign.
   */
  readonly orders?: IntervalOrders;
  /**
   * Reduces r of a sample to `r min(1, k m / n)`, where n is the sample's `||dF/dt||`, `m = (mean sqrt(n))^2` the
   * typical one of the batch, and k >= 1 this number: the few samples whose derivative explodes then pull towards the
   * velocity. Adds the metric `spikes`, the number of samples it reduced. It cannot see an explosion of the whole batch.
   * `Infinity`, never, unless given.
   */
  readonly spikeLimit?: number;
  /**
   * True leaves out samples whose tangent is NaN or infinite, and counts them in the metric `quarantined`. Training
   * still stops when no sample of a batch is finite, or the student's own output is not. False unless given.
   */
  readonly quarantine?: boolean;
  /**
   * False trains from data alone, with `z - x_0` in place of the teacher's velocity. Normalisation then turns the mean
   * over noise into a spatial median. For images that is harmless (from 16 values on it is off by less than 3 % of the
   * data's deviation). For samples with fewer values it is wrong: building the step fails unless c is at least 10, and
   * `c: Infinity` is best. True unless given.
   */
  readonly teacher?: boolean;
}

/** The settings that presets have. */
type PresetSettings = Required<Pick<AyfEmdOptions, 'warmupSteps' | 'rMax' | 'c' | 'intervalLengths' | 'diagonalShare'>>;

/** Names of {@link AYF_EMD_PRESETS}. */
export type AyfEmdPreset = 'default' | 'ayf-paper';

/**
 * Settings of AYF-EMD by name: `default` was chosen in trials for students that do not get worse with more steps
 * (docs/log.md); `ayf-paper` has the paper's constants (c, r_max; section 3.4) and its text-to-image settings (H and
 * the interval lengths, appendix F.1).
 */
export const AYF_EMD_PRESETS: Readonly<Record<AyfEmdPreset, PresetSettings>> = {
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
 * @throws {ConfigError} for an unknown setting, one out of its range or without effect, or intervals outside [0, 1]; on tracing without a teacher, for a
 *   normalisation that is wrong for samples with so few values
 */
export function ayfEmd(options: AyfEmdOptions = {}): Objective {
  requireKnownOptions('ayfEmd', options, {
    preset: true,
    warmupSteps: true,
    rMax: true,
    c: true,
    intervalLengths: true,
    diagonalShare: true,
    norm: true,
    weight: true,
    orders: true,
    spikeLimit: true,
    quarantine: true,
    teacher: true,
  });
  const { preset = 'default', teacher = true, norm = 'l2', weight, orders = 'down', ...others } = options;
  const { spikeLimit = Infinity, quarantine = false, ...given } = others;
  if (!Object.hasOwn(AYF_EMD_PRESETS, preset)) {
    const names = Object.keys(AYF_EMD_PRESETS).join(', ');
    throw new ConfigError('ayfEmd.preset', `wanted one of ${names}, got '${preset}'`);
  }
  const { warmupSteps, rMax, c, intervalLengths, diagonalShare } = { ...AYF_EMD_PRESETS[preset], ...given };
  if (warmupSteps !== null) requirePositive('ayfEmd.warmupSteps', warmupSteps);
  requirePositive('ayfEmd.rMax', rMax, 1);
  requirePositive('ayfEmd.c', c);
  requireShare('ayfEmd.diagonalShare', diagonalShare, { zero: true });
  requireServing('ayfEmd', intervalLengths, 'end', orders);
  requireOneOf('ayfEmd.norm', norm, TANGENT_NORMS);
  requireNormalized('ayfEmd.norm', options.norm, c);
  requireFlags('ayfEmd', { quarantine, teacher });
  if (!(spikeLimit >= 1)) throw new ConfigError('ayfEmd.spikeLimit', `wanted a number >= 1, got ${spikeLimit}`);
  const draw: Objective['draw'] = (key, batchSize) => sampleIntervals(key, batchSize, intervalLengths, diagonalShare);
  return {
    name: 'ayf-emd',
    config: {
      warmupSteps,
      rMax,
      c: c === Infinity ? 'Infinity' : c,
      ...lengthSettings(intervalLengths),
      diagonalShare,
      ...(norm === 'l2' ? {} : { norm }),
      ...weightSettings(weight),
      ...(orders === 'down' ? {} : { orders }),
      ...(spikeLimit === Infinity ? {} : { spikeLimit }),
      ...(quarantine ? { quarantine } : {}),
      teacher,
    },
    needs: { teacher, interval: true },
    watch: 'tangentNorm',
    about: {
      title: 'AYF-EMD',
      text:
        `The student learns that its endpoint stays where it is while the start of the interval moves along ${teacher ? "the teacher's trajectory" : 'the path of the data'}. ` +
        'The loss is normalised and says little; the tangent is what pulls on the student. It grows as the warm-up lets the ' +
        'time derivative in, and should shrink as the learning rate falls. The velocity error does not go to zero where ' +
        'trajectories bend.',
      metrics: {
        tangentNorm: 'mean of ‖g‖ before normalisation',
        velocityError: `mean of ‖v − F‖: how far the average velocity is from ${teacher ? "the teacher's" : "the data's"} at the start of the interval`,
      },
    },
    schedules: { r: (progress) => tangentWarmup(progress, warmupSteps ?? undefined, rMax) },
    draw: orders === 'both' ? bothOrders(draw) : draw,

    loss(context) {
      const { xt, t, s, velocity, schedules } = context;
      if (!teacher) requireMean('ayfEmd.c', { c, norm, size: sampleSize(xt) });
      const v = velocity(xt, t);
      // F and its total derivative along the teacher's trajectory, dF/dt = (∂F/∂x) v + ∂F/∂t with s fixed: one
      // forward-mode pass at (x_t, t) in the direction (v, 1) (theorem 3.2).
      const [F, dFdt] = alongTrajectory(context, v);

      // The target is evaluated at theta^- = stopgrad(theta). F and dF/dt are stopped rather than the parameters, so
      // the value, derivative and gradient share one forward pass.
      const F_ = stopGradient(F);
      const dFdt_ = stopGradient(dFdt);

      // - df/dt = (F - v) + (t - s) dF/dt, its unstable term scaled by r (equations 4 and 5), which spikes reduce.
      const error = F_.sub(v);
      const scale = perSample(schedules['r']!.mul(t.sub(s)), xt);
      const factors = spikeLimit === Infinity ? undefined : spikeFactors(dFdt_, spikeLimit);
      const g = error.add((factors ? scale.mul(factors) : scale).mul(dFdt_));

      // The loss on F (Algorithm 1): its gradient is that of 2 w <F, g / (||g|| + c)>.
      const target = F_.sub(normalizeTangent(g, c, norm));
      const logged = { tangentNorm: g, velocityError: error };
      const { loss, metrics } = batchLoss(F, target, logged, { g, weights: weight?.weight(t, s), quarantine });
      return { loss, metrics: { ...metrics, ...(factors ? { spikes: spikeCount(factors) } : {}) } };
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

import { perSample, trigonometricOutput, trigonometricPath, type Draws, type Objective } from '@flowmap/core';
import { full, jvp, normals, requireKnownOptions, stopGradient, type Tensor } from '@flowmap/tensor';
import { tangentWarmup } from './ayf-emd.js';
import { requireFlags, requireMean, requirePositive } from './internal/checks.js';
import { meanNorm, sampleSize, squaredError } from './internal/norms.js';
import { normalizeTangent } from './normalize-tangent.js';

/** Settings of {@link scm}. */
export interface ScmOptions {
  /** Mean of `log tan τ`; -1 unless given. */
  readonly mean?: number;
  /** Standard deviation of `log tan τ`, > 0; 1.4 unless given. */
  readonly std?: number;
  /** Steps over which r rises from 0 to 1; `null`, the default, takes 0.3 of the run's iterations, at most 10,000. */
  readonly warmupSteps?: number | null;
  /** Constant c of the tangent normalisation, > 0, or `Infinity` for none; 0.1 unless given. */
  readonly c?: number;
  /**
   * True distils the teacher (sCD); false takes the data's velocity (sCT), which is refused for samples of fewer than
   * 16 values unless c is at least 10; true unless given.
   */
  readonly teacher?: boolean;
}

/** The angle τ at t = 1. */
const RATE = Math.PI / 2;

/**
 * sCM, continuous-time consistency models (Lu, Song, "Simplifying, stabilizing and scaling continuous-time consistency
 * models", 2024, equations 6 and 8, algorithm 1): consistency distillation, sCD, or training, sCT, on the trigonometric
 * path with the angle `τ = π t / 2`. The map to data is `f = cos(τ) x - sin(τ) F`, with the output F of the
 * trigonometric parametrisation. It does not change along a trajectory: `df/dτ = -cos(τ) (F - dx/dτ) - sin(τ) (x +
 * dF/dτ) = 0`, and the loss is `‖F - F⁻ + g / (‖g‖ + c)‖²` with
 *
 *     g = cos(τ)² (F⁻ - dx/dτ) + r cos(τ) sin(τ) (x + dF⁻/dτ)
 *
 * whose second term is warmed up by r. `log tan τ` is normal. The student learns only maps to s = 0. Any parametrisation
 * will do: its mean velocity determines F.
 *
 * Data are assumed to have a standard deviation of about 1: the paper's σ_d is 1. Its learned weight of times is left
 * out, as a normalised tangent makes it unnecessary (Sabour et al. 2025).
 *
 * Metrics: `tangentNorm`, the mean of `‖g‖`, and `velocityError`, the mean of `‖F - dx/dτ‖`.
 *
 * @throws {ConfigError} for an unknown setting or one out of its range; on tracing without a teacher, for a normalisation
 *   that is wrong for samples with so few values; when the step is built, for another path
 */
export function scm(options: ScmOptions = {}): Objective {
  requireKnownOptions('scm', options, { mean: true, std: true, warmupSteps: true, c: true, teacher: true });
  const { mean = -1, std = 1.4, warmupSteps = null, c = 0.1, teacher = true } = options;
  requirePositive('scm.std', std);
  if (warmupSteps !== null) requirePositive('scm.warmupSteps', warmupSteps);
  requirePositive('scm.c', c);
  requireFlags('scm', { teacher });
  return {
    name: teacher ? 'scd' : 'sct',
    config: { mean, std, warmupSteps, c: c === Infinity ? 'Infinity' : c, teacher },
    needs: { teacher, interval: true, path: 'trigonometric' },
    watch: 'tangentNorm',
    about: {
      title: teacher ? 'sCD' : 'sCT',
      text:
        'The student learns that its endpoint at data stays where it is along a trajectory. The loss is normalised and says ' +
        'little; the tangent is what pulls on the student.',
      metrics: { tangentNorm: 'mean of ‖g‖ before normalisation', velocityError: 'mean of ‖F − dx/dτ‖' },
    },
    schedules: { r: (progress) => tangentWarmup(progress, warmupSteps ?? undefined, 1) },
    draw({ seed, step }, count): Draws {
      const angle = (sample: number): number =>
        Math.atan(Math.exp(mean + std * normals({ seed, purpose: 'times', step, sample }, 1)[0]!));
      return { t: Float32Array.from({ length: count }, (_, i) => angle(i) / RATE), s: new Float32Array(count) };
    },

    loss({ student, xt, t, s, velocity, schedules }) {
      if (!teacher) requireMean('scm.c', { c, norm: 'l2', size: sampleSize(xt) });
      const v = velocity(xt, t);
      const output = (x: Tensor, time: Tensor): Tensor =>
        trigonometricOutput(student.averageVelocity(x, time, s), x, time, s);
      const [F, dFdt] = jvp(output, [xt, t], [v, full(1, t.shape)]);
      const F_ = stopGradient(F);
      const [dxdTau, dFdTau] = [v.mul(1 / RATE), stopGradient(dFdt).mul(1 / RATE)];

      const at = trigonometricPath.at(t);
      const [cos, sin] = [perSample(at.alpha, xt), perSample(at.sigma, xt)];
      // g = - cos(τ) df/dτ, its unstable term scaled by r
      const stable = cos.square().mul(F_.sub(dxdTau));
      const unstable = cos.mul(sin).mul(xt.add(dFdTau)).mul(schedules['r']!);
      const g = stable.add(unstable);
      return {
        loss: squaredError(F, F_.sub(normalizeTangent(g, c))),
        metrics: { tangentNorm: meanNorm(g), velocityError: meanNorm(F_.sub(dxdTau)) },
      };
    },
  };
}

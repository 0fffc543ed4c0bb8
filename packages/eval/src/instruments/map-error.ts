import { intervalsIn, lengthBins, type LengthBin } from '@flowmap/core';
import { requireKnownOptions, requireWhole } from '@flowmap/tensor';
import { openFields, rms, type Fields, type InstrumentOptions, type Values } from './fields.js';

/** Options of {@link mapErrorByLength}. */
export interface MapErrorOptions extends InstrumentOptions {
  /** Bins of lengths, in each of which every sample has an interval; `lengthBins()` unless given. */
  readonly bins?: readonly LengthBin[];
  /** Steps of Heun's method for each interval, a whole number >= 1; 16 unless given. An interval of s = t takes one. */
  readonly heunSteps?: number;
}

/** How far the ends of a student's jumps of certain lengths are from its teacher's. */
export interface MapError extends LengthBin {
  /** Root mean square of `f(x_t, t, s) - x_s`, in the data's units. */
  readonly rms: number;
  /**
   * The same for `(f(x_t, t, s) - x_s) / (s - t)`, the error of the average velocity; at s = t its limit, the
   * error of the velocity.
   */
  readonly perLength: number;
}

/**
 * The error of a flow map by the length of its jumps: `sqrt(mean((f(x_t, t, s) - x_s)^2))` over all values of noised data, where `x_s`
 * is the end of the teacher's trajectory through `x_t`, solved by Heun's method. 0 for an exact flow map.
 *
 * A sampler with N steps adds up N errors of jumps of length 1/N, to about `perLength` at that length if they all point
 * in the same direction. So `perLength` must not rise towards short lengths: if it does, more steps make samples worse,
 * and these lengths need a larger share of training, which `logUniformLengths` of `@flowmap/objectives` gives them.
 *
 * @returns one entry for each bin, from the same data and noise
 * @throws {ConfigError} for a number of steps that is not a whole number >= 1, and for what `velocityDrift` throws it
 * @throws {ShapeError} for data whose shape is not that of the student's samples, or a velocity of
 *   another shape
 */
export async function mapErrorByLength(options: MapErrorOptions): Promise<MapError[]> {
  requireKnownOptions('mapErrorByLength', options, {
    bins: true,
    heunSteps: true,
    runtime: true,
    student: true,
    teacher: true,
    data: true,
    seed: true,
  });
  const { bins = lengthBins(), heunSteps = 16, seed = 0 } = options;
  requireWhole('mapErrorByLength.heunSteps', heunSteps);
  const fields = await openFields('mapErrorByLength', options);
  try {
    const errors: MapError[] = [];
    for (const bin of bins) {
      const { t, s } = intervalsIn(bin, seed, fields.count);
      const { xt, F } = await fields.student(t, s);
      const mean = await averageVelocity(fields, xt, { t, s }, bin.to === 0 ? 1 : heunSteps);
      const error = F.map((value, i) => value - mean[i]!);
      const lengthAt = (i: number): number => t[Math.floor(i / fields.size)]! - s[Math.floor(i / fields.size)]!;
      errors.push({ ...bin, rms: rms(error.map((value, i) => lengthAt(i) * value)), perLength: rms(error) });
    }
    return errors;
  } finally {
    await fields.dispose();
  }
}

/**
 * The mean of the teacher's velocity along its trajectories from `x_t` at t to s, by steps of Heun's method: `(x_s - x_t) / (s - t)`, and
 * the velocity at s = t.
 */
async function averageVelocity(
  fields: Fields,
  xt: Values,
  { t, s }: { readonly t: Float32Array; readonly s: Float32Array },
  steps: number,
): Promise<Float64Array> {
  const timeAt = (step: number): Float64Array =>
    Float64Array.from(t, (time, i) => time + ((s[i]! - time) * step) / steps);
  const stepOf = (i: number): number => (s[Math.floor(i / fields.size)]! - t[Math.floor(i / fields.size)]!) / steps;
  const x = xt.slice();
  const mean = new Float64Array(x.length);
  for (let step = 0; step < steps; step++) {
    const start = await fields.teacher(x, timeAt(step));
    const end = await fields.teacher(
      x.map((value, i) => value + stepOf(i) * start[i]!),
      timeAt(step + 1),
    );
    for (let i = 0; i < x.length; i++) {
      const v = (start[i]! + end[i]!) / 2;
      x[i]! += stepOf(i) * v;
      mean[i]! += v / steps;
    }
  }
  return mean;
}

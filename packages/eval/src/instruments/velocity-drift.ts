import { ConfigError, uniformGrid } from '@flowmap/core';
import { requireKnownOptions } from '@flowmap/tensor';
import { openFields, rms, type InstrumentOptions } from './fields.js';

/** Options of {@link velocityDrift}. */
export interface VelocityDriftOptions extends InstrumentOptions {
  /** Times in [0, 1], at which both velocities must be finite; 0, 1/8, …, 1 unless given. */
  readonly times?: readonly number[];
}

/** How far a student's velocity is from its teacher's at one time. */
export interface Drift {
  readonly t: number;
  /** Root mean square of `F(x_t, t, t) - v(x_t, t)`, in the data's units per unit of time. */
  readonly rms: number;
}

/**
 * How far a student's velocity has drifted from its teacher's, by time: `sqrt(mean((F(x_t, t, t) - v(x_t, t))^2))` over
 * all values of noised data, 0 for an exact flow map. Training on long intervals moves `F(x, t, t)` through the weights
 * that they share, and a sampler with many steps follows it: where it is large, the error rises with the number of
 * steps. A larger share of the batch at s = t, or a lower learning rate, brings it down.
 *
 * @returns one number for each time, from the same data and noise
 * @throws {ConfigError} for a time out of its range, a student that is not a flow map, a teacher on another path, data
 *   that lack a condition, or a velocity that is not finite
 * @throws {ShapeError} for data whose shape is not that of the student's samples, or a velocity of
 *   another shape
 */
export async function velocityDrift(options: VelocityDriftOptions): Promise<Drift[]> {
  requireKnownOptions('velocityDrift', options, {
    times: true,
    runtime: true,
    student: true,
    teacher: true,
    data: true,
    seed: true,
  });
  const { times = [...uniformGrid(8, 0, 1)] } = options;
  const wrong = times.find((t) => !(t >= 0 && t <= 1));
  if (wrong !== undefined) throw new ConfigError('velocityDrift.times', `wanted times in [0, 1], got ${wrong}`);
  const fields = await openFields('velocityDrift', options);
  try {
    const drifts: Drift[] = [];
    for (const t of times) {
      const all = new Float64Array(fields.count).fill(t);
      const { xt, F } = await fields.student(all, all);
      const v = await fields.teacher(xt, all);
      drifts.push({ t, rms: rms(F.map((value, i) => value - v[i]!)) });
    }
    return drifts;
  } finally {
    await fields.dispose();
  }
}

import { ConfigError, interpolate, perSample, type FlowMap, type Objective, type ObjectiveResult } from '@flowmap/core';
import { hostTensor, stopGradient, type HostTensor, type Tensor, type Tensors } from '@flowmap/tensor';

/** One sample of a batch of points on a line, as plain numbers. */
export interface ToySample {
  readonly x0: number;
  readonly noise: number;
  readonly t: number;
  readonly s: number;
  /** Velocity at `(x_t, t)`, whatever the objective uses it for; elsewhere the velocity is {@link toyVelocity}. */
  readonly velocity: number;
  /** What the objective draws besides the times, by name; drawn by the objective unless given. */
  readonly draws?: Readonly<Record<string, readonly number[]>>;
}

/** Parameters of {@link toyStudent}. */
export interface ToyParameters {
  readonly a: number;
  readonly b: number;
  readonly d: number;
  /**
   * Changes only F at other times and the derivatives of F in time: its factor is zero at the batch's own times and at
   * s = t.
   */
  readonly e: number;
}

/** Names of the toy's parameters. */
export const TOY_PARAMETERS = ['a', 'b', 'd', 'e'] as const;

/** Parameters of the moving average of the student, for objectives that need one. */
export const TOY_AVERAGE: ToyParameters = { a: 0.7, b: -0.2, d: 0.1, e: 0.3 };

/** How the toy's velocity changes with x and t. */
const SLOPES = { x: 0.7, t: -0.4 };

/**
 * The smallest student on which everything can go wrong: `F(x, t, s) = (a (1 + b t + d s) + e w) x` with
 * `w = (t - s) (t - t_batch + s - s_batch)`.
 */
export function toyStudent(params: Tensors, batch: { readonly t: Tensor; readonly s: Tensor }): FlowMap {
  const [a, b, d, e] = TOY_PARAMETERS.map((name) => params[name]!) as [Tensor, Tensor, Tensor, Tensor];
  const averageVelocity = (x: Tensor, t: Tensor, s: Tensor): Tensor => {
    const away = t.sub(s).mul(t.sub(batch.t).add(s.sub(batch.s)));
    const factor = a.mul(b.mul(t).add(d.mul(s)).add(1)).add(e.mul(away));
    return perSample(factor, x).mul(x);
  };
  const student: FlowMap = {
    averageVelocity,
    map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(averageVelocity(x, t, s))),
    under: () => student,
  };
  return student;
}

/** {@link toyStudent}'s F as a number, for gradients worked out by hand; `sample` has the batch's times. */
export function toyAverageVelocity(
  { a, b, d, e }: ToyParameters,
  sample: Pick<ToySample, 't' | 's'>,
  x: number,
  t: number,
  s: number,
): number {
  return (a * (1 + b * t + d * s) + e * (t - s) * (t - sample.t + s - sample.s)) * x;
}

/** The toy's velocity as a number: linear in x and t, equal to the sample's own at `(x_t, t)`. */
export function toyVelocity(sample: ToySample, x: number, t: number): number {
  return sample.velocity + SLOPES.x * (x - toyPoint(sample)) + SLOPES.t * (t - sample.t);
}

/** The point `x_t` on a sample's path. */
export function toyPoint({ x0, noise, t }: ToySample): number {
  return x0 + t * (noise - x0);
}

/** What an objective is given besides the student and a batch. */
export interface ToyContext {
  readonly schedules: Tensors;
  readonly draws: Tensors;
  /** Parameters of the moving average. */
  readonly average: Tensors;
}

/** Traces an objective on the toy student; samples are `[batch, 1]`. */
export function toyLoss(
  objective: Objective,
  params: Tensors,
  batch: Readonly<Record<ToyColumn, Tensor>>,
  { schedules, draws, average }: ToyContext,
): ObjectiveResult {
  const { x0, noise, t, s } = batch;
  const student = toyStudent(params, { t, s });
  const xt = interpolate(x0, noise, t);
  const velocity = (x: Tensor, time: Tensor): Tensor => {
    if (x === xt && time === t) return batch.velocity;
    if (!objective.needs.teacher)
      throw new ConfigError('objective', 'needs a velocity elsewhere than at x_t, and no teacher');
    const moved = perSample(time.sub(t), x).mul(SLOPES.t);
    return stopGradient(batch.velocity.add(x.sub(xt).mul(SLOPES.x)).add(moved));
  };
  return objective.loss({
    student,
    x0,
    noise,
    xt,
    t,
    s,
    draws,
    own: {},
    velocity,
    schedules,
    ...(objective.needs.average === undefined ? {} : { average: toyStudent(average, { t, s }) }),
  });
}

type ToyColumn = 'x0' | 'noise' | 't' | 's' | 'velocity';

/** A batch of samples as tensors: `[batch]` for times, `[batch, 1]` for points. */
export function toyBatch(samples: readonly ToySample[]): Record<ToyColumn, HostTensor> {
  const column = (name: ToyColumn, shape: number[]): HostTensor =>
    hostTensor(
      shape,
      Float64Array.from(samples, (sample) => sample[name]),
    );
  const [times, points] = [[samples.length], [samples.length, 1]];
  return {
    x0: column('x0', points),
    noise: column('noise', points),
    t: column('t', times),
    s: column('s', times),
    velocity: column('velocity', points),
  };
}

import { interpolate, perSample, type FlowMap, type Objective, type ObjectiveResult } from '@flowmap/core';
import { hostTensor, type HostTensor, type Tensor, type Tensors } from '@flowmap/tensor';

/** One sample of a batch of points on a line, as plain numbers. */
export interface ToySample {
  readonly x0: number;
  readonly noise: number;
  readonly t: number;
  readonly s: number;
  /** Velocity at `(x_t, t)`, whatever the objective needs it for. */
  readonly velocity: number;
}

/** Parameters of {@link toyStudent}. */
export interface ToyParameters {
  readonly a: number;
  readonly b: number;
  readonly d: number;
  /** Moves only the derivatives of F in time: its factor is zero at the batch's own times, and at s = t. */
  readonly e: number;
}

/** Names of the toy's parameters. */
export const TOY_PARAMETERS = ['a', 'b', 'd', 'e'] as const;

/**
 * The smallest student with everything to get wrong: `F(x, t, s) = (a (1 + b t + d s) + e w) x` with
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

/** Traces an objective on the toy student; samples are `[batch, 1]`. */
export function toyLoss(
  objective: Objective,
  params: Tensors,
  batch: Readonly<Record<keyof ToySample, Tensor>>,
  schedules: Tensors,
): ObjectiveResult {
  const { x0, noise, t, s, velocity } = batch;
  const student = toyStudent(params, { t, s });
  const xt = interpolate(x0, noise, t);
  return objective.loss({ student, x0, noise, xt, t, s, draws: {}, velocity: () => velocity, schedules });
}

/** A batch of samples as tensors: `[batch]` for times, `[batch, 1]` for points. */
export function toyBatch(samples: readonly ToySample[]): Record<keyof ToySample, HostTensor> {
  const column = (name: keyof ToySample, shape: number[]): HostTensor =>
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

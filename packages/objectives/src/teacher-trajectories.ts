import { ConfigError, heun, linearPath, perSample, type FlowMap, type Objective, type Sampler } from '@flowmap/core';
import { full, requireKnownOptions, requireMember, requireWhole, type Tensor } from '@flowmap/tensor';
import { told } from './internal/told.js';

/** Settings of {@link teacherTrajectories}. */
export interface TeacherTrajectoriesOptions {
  /** Number of solver steps from noise to a sample's time t, each of length (1 - t) / steps; at least 1. */
  readonly steps: number;
  /** The solver: a sampler for velocity fields that draws no noise and carries no state; `heun()` unless given. */
  readonly sampler?: Sampler;
}

/**
 * An objective whose points are on the teacher's trajectories instead of being noised data: x_t is the point to which
 * some steps of a solver lead along the teacher's ODE from the batch's noise at t = 1. The two have the same
 * distribution for a perfect teacher. Trajectories of a weaker teacher, or of a guided one, lie elsewhere, and it is
 * on those that a student is sampled.
 *
 * The cost per batch is `steps` more evaluations of the teacher with `euler()`, twice that with `heun()`; an opaque
 * teacher is evaluated as often, one call after the other. A sample with t near 1 takes as many as one with t near 0,
 * and nothing is reused from step to step. Of the data only the conditions are used.
 *
 * The solver's error moves the points. On the linear path, for Gaussian data with standard deviation 0.5, the standard
 * deviation of x_t is too large by up to 2 % after four steps of `heun()`, and too small by up to 32 % after four of
 * `euler()`.
 *
 * @param objective one with a teacher; points that it noises itself, such as the second batch of `velocityAnchor`, remain
 *   noised data
 * @returns an objective of the same name, with `teacherTrajectories.*` added to its settings
 * @throws {ConfigError} for a number of steps that is not whole or less than 1, a sampler that draws noise, carries state
 *   or needs a flow map, or an objective without a teacher
 *
 * @example
 * const objective = teacherTrajectories(ayfEmd(), { steps: 4 });
 */
export function teacherTrajectories(objective: Objective, options: TeacherTrajectoriesOptions): Objective {
  requireMember('teacherTrajectories.objective', objective, {
    member: 'loss',
    wanted: 'an objective, such as `ayfEmd()`',
  });
  requireKnownOptions('teacherTrajectories', options, { steps: true, sampler: true });
  const { steps, sampler = heun() } = options;
  requireWhole('teacherTrajectories.steps', steps);
  requireMember('teacherTrajectories.sampler', sampler, { member: 'step', wanted: 'a sampler, such as `heun()`' });
  if (sampler.needs.interval || sampler.draws !== undefined || sampler.carry !== undefined) {
    const wanted = 'wanted a sampler for velocity fields without noise or carried state, such as euler() or heun()';
    throw new ConfigError('teacherTrajectories.sampler', `${wanted}, got '${sampler.name}'`);
  }
  if (!objective.needs.teacher) {
    throw new ConfigError('teacherTrajectories.objective', `wanted one with a teacher; ${objective.name} has none`);
  }
  const settings = { 'teacherTrajectories.steps': steps, 'teacherTrajectories.sampler': sampler.name };
  return {
    ...objective,
    ...told(objective, `Its points are on the teacher's trajectories, ${steps} steps of ${sampler.name} from noise.`),
    config: { ...objective.config, ...settings },
    loss(context) {
      const { noise, t, velocity, path = linearPath } = context;
      const field = fieldOf(velocity);
      const timeAfter = (taken: number): Tensor =>
        full(1, t.shape).sub(
          full(1)
            .sub(t)
            .mul(taken / steps),
        );
      let x = noise;
      for (let i = 0; i < steps; i++) {
        const to = i === steps - 1 ? t : timeAfter(i + 1);
        x = sampler.step(field, x, timeAfter(i), to, { path, carry: {} }) as Tensor;
      }
      return objective.loss({ ...context, xt: x });
    },
  };
}

/** The teacher as samplers take it: its average velocity is the velocity, its map an Euler step. */
function fieldOf(velocity: (x: Tensor, t: Tensor) => Tensor): FlowMap {
  const field: FlowMap = {
    averageVelocity: (x, t) => velocity(x, t),
    map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(velocity(x, t))),
    under: () => field,
  };
  return field;
}

import { ConfigError, heun, linearPath, perSample, type FlowMap, type Objective, type Sampler } from '@flowmap/core';
import { full, requireWhole, type Tensor } from '@flowmap/tensor';

/** Settings of {@link teacherTrajectories}. */
export interface TeacherTrajectoriesOptions {
  /** Steps from noise to a sample's time t, all of the length (1 - t) / steps; at least 1. */
  readonly steps: number;
  /** How a step is made: a sampler for velocity fields that draws and carries nothing; `heun()` unless given. */
  readonly sampler?: Sampler;
}

/**
 * An objective whose points are on the teacher's trajectories in place of noised data: x_t is where the teacher's ODE leads from the
 * batch's noise at t = 1, by some steps of a solver. Noised data is where a perfect teacher's trajectories are; those of a weaker
 * one, or one with guidance, are elsewhere, and it is them that a student is sampled on.
 *
 * The teacher is asked `steps` times more for each batch by `euler()`, twice that by `heun()`, beside a student's forward, derivative
 * and backward pass, and nothing is kept between batches. A teacher that only runs is asked as often, one question after the other. A
 * time near 1 takes as many as one near 0, since a batch is one program. Of the data nothing enters but the conditions.
 *
 * The solver's error moves the points: on the linear path, for Gaussian data of deviation 0.5, they deviate too much by up to 2 % after four
 * steps of `heun()`, and too little by up to 32 % after four of `euler()`.
 *
 * @param objective one with a teacher; data at other times than t, such as a second batch of `velocityAnchor`, stays noised data
 * @returns an objective of the same name, with the settings `teacherTrajectories.*` more
 * @throws {ConfigError} for a number of steps that is none, a sampler that draws, carries or needs a flow map, or an objective without
 *   teacher
 *
 * @example
 * const objective = teacherTrajectories(ayfEmd(), { steps: 4 });
 */
export function teacherTrajectories(objective: Objective, options: TeacherTrajectoriesOptions): Objective {
  const { steps, sampler = heun() } = options;
  requireWhole('teacherTrajectories.steps', steps);
  if (sampler.needs.interval || sampler.draws !== undefined || sampler.carry !== undefined) {
    const wanted = 'wanted a sampler for velocity fields that draws and carries nothing, such as euler() or heun()';
    throw new ConfigError('teacherTrajectories.sampler', `${wanted}, got '${sampler.name}'`);
  }
  if (!objective.needs.teacher) {
    throw new ConfigError('teacherTrajectories.objective', `wanted one with a teacher; ${objective.name} has none`);
  }
  const settings = { 'teacherTrajectories.steps': steps, 'teacherTrajectories.sampler': sampler.name };
  return {
    ...objective,
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

/** The teacher as a sampler takes it: a velocity is the average over no length, and its map an Euler step. */
function fieldOf(velocity: (x: Tensor, t: Tensor) => Tensor): FlowMap {
  const field: FlowMap = {
    averageVelocity: (x, t) => velocity(x, t),
    map: (x, t, s) => x.add(perSample(s.sub(t), x).mul(velocity(x, t))),
    under: () => field,
  };
  return field;
}

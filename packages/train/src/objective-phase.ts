import {
  ConfigError,
  requireConditions,
  conditionalVelocity,
  flowMap,
  interpolate,
  linearPath,
  type Network,
  type Objective,
  type ObjectiveContext,
  type OpaqueField,
  type Parametrization,
  type Path,
  type Phase,
  type PhaseContext,
  type VelocityField,
  prefixed,
  withPrefix,
} from '@flowmap/core';
import {
  hostTensor,
  normalBatch,
  requireKnownOptions,
  requireWhole,
  sizeOf,
  stopGradient,
  uniforms,
  type HostTensors,
  type SpecLike,
  type Tensor,
  type Tensors,
  type TensorSpec,
} from '@flowmap/tensor';
import { scalar } from './internal/host.js';
import { mapValues } from './internal/names.js';

/** Options of {@link objectivePhase}. */
export interface ObjectivePhaseOptions {
  readonly network: Network;
  readonly objective: Objective;
  /**
   * Supplies the objective's velocity if it needs a teacher, and is refused otherwise; an opaque field is asked between
   * programs.
   */
  readonly teacher?: VelocityField | OpaqueField;
  /** The path between data and noise, which is the teacher's too; `linearPath` unless given. */
  readonly path?: Path;
  /** What the network's output means; `eulerParametrization` unless given. */
  readonly parametrization?: Parametrization;
  /** Samples per run of its program. */
  readonly batchSize: number;
  /** Together with the step, determines noise, times and other draws. */
  readonly seed: number;
  /** Name of the trainee; `student` unless given. */
  readonly trains?: string;
  /** Name of the phase; the objective's unless given. */
  readonly name?: string;
}

/**
 * The phase that trains a network with an objective: noising, the teacher's velocity and the objective's loss. A
 * teacher that can be traced becomes part of the program, and its parameters a state.
 *
 * Inputs: `x0` and `noise` `[batch, ...shape]`, `t` and `s` `[batch]`, `conditions.*` and `draws.*` of the network,
 * `objective.draws.*` and `schedules.*` of the objective.
 *
 * @throws {ConfigError} for a batch size or seed that is not a whole number, when the objective needs a teacher and
 *   there is none or the other way round, target times that the network does not take, or another path; or, on
 *   tracing, when it asks for a velocity where there is none
 */
export function objectivePhase(options: ObjectivePhaseOptions): Phase {
  requireKnownOptions('objectivePhase', options, {
    network: true,
    objective: true,
    teacher: true,
    path: true,
    parametrization: true,
    batchSize: true,
    seed: true,
    trains: true,
    name: true,
  });
  const { network, objective, path, batchSize, seed, trains = 'student', name = objective.name } = options;
  const parametrized = options.parametrization === undefined ? {} : { parametrization: options.parametrization };
  requireWhole('objectivePhase.batchSize', batchSize);
  requireWhole('objectivePhase.seed', seed, 0);
  const { teacher } = options;
  if (objective.needs.teacher && teacher === undefined) {
    throw new ConfigError('objective', `${objective.name} needs a teacher's velocity, and there is no teacher`);
  }
  if (!objective.needs.teacher && teacher !== undefined) {
    throw new ConfigError('objectivePhase.teacher', `has no effect with ${objective.name}, which needs none`);
  }
  requireServed(objective, network, path);
  const rows = (shape: readonly number[]): SpecLike => [batchSize, ...shape];
  const rowsOf = ({ shape, dtype }: TensorSpec): SpecLike => ({ shape: [batchSize, ...shape], dtype });
  const { shape } = network.config;
  const average = objective.needs.average === undefined ? undefined : `${trains}.${objective.needs.average}`;
  const isTraceable = teacher !== undefined && 'velocity' in teacher;

  return {
    name,
    trains,
    ...(average === undefined ? {} : { reads: [average] }),
    ...(objective.watch === undefined ? {} : { watch: objective.watch }),
    ...(isTraceable ? { fixed: { teacher: teacher.parameters } } : {}),
    ...(teacher !== undefined && !isTraceable ? { opaque: { teacher } } : {}),
    batchSize,
    inputs: {
      x0: rows(shape),
      noise: rows(shape),
      t: rows([]),
      s: rows([]),
      ...withPrefix('conditions', mapValues(network.conditions, rowsOf)),
      ...withPrefix('draws', mapValues(network.draws ?? {}, rowsOf)),
      ...withPrefix('objective.draws', mapValues(objective.draws ?? {}, rows)),
      ...withPrefix(
        'schedules',
        mapValues(objective.schedules, (): SpecLike => []),
      ),
    },

    feeds(progress, batch) {
      const { step } = progress;
      const count = batch.x.length / sizeOf(shape);
      const { t, s, ...drawn } = objective.draw({ seed, ...progress }, count);
      const points = [count, ...shape];
      return {
        x0: hostTensor(points, batch.x),
        noise: hostTensor(points, normalBatch({ seed, purpose: 'noise', step }, points)),
        t: hostTensor([count], t),
        s: hostTensor([count], s),
        ...withPrefix('conditions', requireConditions('batch.conditions', network.conditions, batch.conditions, count)),
        ...withPrefix('draws', networkDraws(network, seed, step, count)),
        ...withPrefix(
          'objective.draws',
          mapValues(objective.draws ?? {}, (extents, key) => hostTensor([count, ...extents], drawn[key]!)),
        ),
        ...withPrefix(
          'schedules',
          mapValues(objective.schedules, (schedule) => scalar(schedule(progress))),
        ),
      };
    },

    scalars: (progress) => mapValues(objective.schedules, (schedule) => schedule(progress)),

    trace(context) {
      const { inputs, groups, isTraining } = context;
      const [x0, noise, t, s] = [inputs['x0']!, inputs['noise']!, inputs['t']!, inputs['s']!];
      const conditions = prefixed('conditions', inputs);
      const draws = isTraining ? { draws: prefixed('draws', inputs) } : {};
      const xt = interpolate(x0, noise, t, path);
      const under = (params: Tensors): ObjectiveContext['student'] =>
        flowMap(network, params, { conditions, ...draws, ...parametrized });
      return objective.loss({
        student: under(groups[trains]!),
        ...(average === undefined ? {} : { average: under(groups[average]!) }),
        x0,
        noise,
        xt,
        ...(path === undefined ? {} : { path }),
        t,
        s,
        draws: prefixed('objective.draws', inputs),
        own: prefixed('own', groups[trains]!),
        schedules: prefixed('schedules', inputs),
        velocity: velocityOf(context, { x0, noise, xt, t, conditions }),
      });
    },
  };

  /** The teacher's velocity, or the path's own. */
  function velocityOf(
    { groups, ask }: PhaseContext,
    { x0, noise, xt, t, conditions }: Record<'x0' | 'noise' | 'xt' | 't', Tensor> & { conditions: Tensors },
  ): (x: Tensor, time: Tensor) => Tensor {
    return (x, time) => {
      if (isTraceable) return stopGradient(teacher.velocity(groups['teacher']!, { x, t: time, conditions }));
      if (teacher !== undefined) return ask('teacher', x, time, conditions);
      if (x === xt && time === t) return conditionalVelocity(x0, noise, t, path);
      const wanted = 'needs a velocity elsewhere than at the noised data, which only a teacher has';
      throw new ConfigError('objective', `${objective.name} ${wanted}, and there is no teacher`);
    };
  }
}

/**
 * Checks that a network and a path are what an objective is defined for.
 *
 * @throws {ConfigError} naming the option
 */
function requireServed({ name, needs }: Objective, network: Network, { name: path }: Path = linearPath): void {
  if (needs.interval === true && !network.config.interval) {
    const got = `a network '${network.config.type}' without one`;
    throw new ConfigError('network', `${name} wants a network with an input for the target time, got ${got}`);
  }
  if (needs.path !== undefined && needs.path !== path) {
    throw new ConfigError('path', `${name} is defined on the ${needs.path} path, got the ${path} path`);
  }
}

function networkDraws(network: Network, seed: number, step: number, count: number): HostTensors {
  return mapValues(network.draws ?? {}, ({ shape }, name) => {
    const size = sizeOf(shape);
    const values = new Float32Array(count * size);
    for (let sample = 0; sample < count; sample++) {
      values.set(uniforms({ seed, purpose: `draws ${name}`, step, sample }, size), sample * size);
    }
    return hostTensor([count, ...shape], values);
  });
}

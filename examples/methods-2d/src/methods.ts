import {
  consistency,
  flowMapSampler,
  type Objective,
  type PathName,
  type Sampler,
  type StudentOptions,
} from '@flowmap/core';
import { consistencyTraining, OBJECTIVE_NAMES, objectiveNamed, scm, type ObjectiveName } from '@flowmap/objectives';

/** An objective as it is trained and sampled here. */
export interface Method {
  readonly name: ObjectiveName;
  readonly objective: Objective;
  /** The path of its teacher and student. */
  readonly path: PathName;
  /** How its student differs from the teacher that it starts from. */
  readonly startingFrom: StudentOptions;
  /** Along the flow map, or, for a model that only leads to data, by `consistency()`. */
  readonly sampler: Sampler;
}

/** All objectives but that of the teacher. */
export const METHODS = OBJECTIVE_NAMES.filter((name) => name !== 'flow-matching');

/**
 * An objective with its default settings and the teacher's velocity, where it has the choice. The two that train from data
 * alone have no weights that depend on the error, which would move their means in two dimensions; decoupled MeanFlow tells
 * the target time to the last of the network's blocks only, as it is meant to.
 */
export function methodNamed(name: ObjectiveName): Method {
  const objective = objectiveOf(name);
  return {
    name,
    objective,
    path: objective.needs.path ?? 'linear',
    startingFrom: name === 'decoupled-mean-flow' ? { intervalBlocks: 1 } : {},
    sampler: leadsToData(objective) ? consistency() : flowMapSampler(),
  };
}

function objectiveOf(name: ObjectiveName): Objective {
  if (name === 'consistency-training') return consistencyTraining({ distance: 'squared' });
  if (name === 'sct') return scm({ teacher: false, c: Infinity });
  return objectiveNamed(name);
}

/** Whether an objective only trains maps to data. */
function leadsToData(objective: Objective): boolean {
  return objective.draw({ seed: 0, step: 0, iterations: 1 }, 16).s.every((s) => s === 0);
}

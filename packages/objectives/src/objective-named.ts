import { ConfigError, type Objective } from '@flowmap/core';
import { quoted, requireKnownOptions } from '@flowmap/tensor';
import { alphaFlow } from './alpha-flow.js';
import { ayfEmd } from './ayf-emd.js';
import { ayfLmd } from './ayf-lmd.js';
import { cmt } from './cmt.js';
import { consistencyDistillation } from './consistency-distillation.js';
import { consistencyTraining } from './consistency-training.js';
import { ctm } from './ctm.js';
import { decoupledMeanFlow } from './decoupled-mean-flow.js';
import { discreteEmd } from './discrete-emd.js';
import { discreteLmd } from './discrete-lmd.js';
import { eulerianSelfDistillation } from './eulerian-self-distillation.js';
import { facm } from './facm.js';
import { flowMatching } from './flow-matching.js';
import { improvedMeanFlow } from './improved-mean-flow.js';
import { lagrangianSelfDistillation } from './lagrangian-self-distillation.js';
import { meanFlow } from './mean-flow.js';
import { progressiveSelfDistillation } from './progressive-self-distillation.js';
import { scm } from './scm.js';
import { shortcut } from './shortcut.js';
import { soFlow } from './so-flow.js';
import { terminalVelocity } from './terminal-velocity.js';

/** Objectives by the name that they record, with or without a teacher; some have only one of the two. */
const objectives = {
  'ayf-emd': (teacher) => ayfEmd({ teacher }),
  'ayf-lmd': () => ayfLmd(),
  'discrete-emd': (teacher) => discreteEmd({ teacher }),
  'discrete-lmd': () => discreteLmd(),
  'mean-flow': (teacher) => meanFlow({ teacher }),
  'improved-mean-flow': (teacher) => improvedMeanFlow({ teacher }),
  'decoupled-mean-flow': (teacher) => decoupledMeanFlow({ teacher }),
  'alpha-flow': (teacher) => alphaFlow({ teacher }),
  'so-flow': (teacher) => soFlow({ teacher }),
  shortcut: (teacher) => shortcut({ teacher }),
  'lagrangian-self-distillation': (teacher) => lagrangianSelfDistillation({ teacher }),
  'eulerian-self-distillation': (teacher) => eulerianSelfDistillation({ teacher }),
  'progressive-self-distillation': (teacher) => progressiveSelfDistillation({ teacher }),
  'terminal-velocity': (teacher) => terminalVelocity({ teacher }),
  ctm: () => ctm(),
  cmt: () => cmt(),
  scd: () => scm({ teacher: true }),
  sct: () => scm({ teacher: false }),
  'consistency-distillation': () => consistencyDistillation(),
  'consistency-training': () => consistencyTraining(),
  facm: (teacher) => facm({ teacher }),
  'flow-matching': () => flowMatching(),
} satisfies Record<string, (teacher: boolean) => Objective>;

/** Name of an objective of this package. */
export type ObjectiveName = keyof typeof objectives;

/** Names of all objectives of this package, those of Align Your Flow first. */
export const OBJECTIVE_NAMES = Object.keys(objectives) as readonly ObjectiveName[];

/**
 * An objective with its default settings, by the name that it records.
 *
 * @param options.teacher false for training from data alone, if the objective can do both; true unless given
 * @throws {ConfigError} for an unknown name, or `teacher: false` for an objective that needs a
 *   teacher
 */
export function objectiveNamed(name: string, options: { readonly teacher?: boolean } = {}): Objective {
  requireKnownOptions('objectiveNamed', options, { teacher: true });
  if (!Object.hasOwn(objectives, name)) {
    throw new ConfigError('objectiveNamed', `wanted one of ${OBJECTIVE_NAMES.join(', ')}, got ${quoted(name)}`);
  }
  const { teacher = true } = options;
  const objective = objectives[name as ObjectiveName](teacher);
  if (!teacher && objective.needs.teacher) {
    throw new ConfigError('objectiveNamed.teacher', `${name} cannot be trained from data alone`);
  }
  return objective;
}

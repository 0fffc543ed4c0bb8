export { alphaFlow, type AlphaFlowOptions } from './alpha-flow.js';
export { ayfEmd, AYF_EMD_PRESETS, tangentWarmup, type AyfEmdOptions, type AyfEmdPreset } from './ayf-emd.js';
export { ayfLmd, type AyfLmdOptions } from './ayf-lmd.js';
export { bothOrders, type IntervalOrders } from './both-orders.js';
export { cmt, type CmtOptions } from './cmt.js';
export { consistencyDistillation, type ConsistencyDistillationOptions } from './consistency-distillation.js';
export { consistencyTraining, type ConsistencyTrainingOptions } from './consistency-training.js';
export { ctm, type CtmOptions } from './ctm.js';
export { decoupledMeanFlow, type DecoupledMeanFlowOptions } from './decoupled-mean-flow.js';
export { discreteEmd, type DiscreteEmdOptions } from './discrete-emd.js';
export { discreteLmd, type DiscreteLmdOptions } from './discrete-lmd.js';
export { eulerianSelfDistillation, type EulerianSelfDistillationOptions } from './eulerian-self-distillation.js';
export { facm, type FacmOptions } from './facm.js';
export { flowMatching, type FlowMatchingOptions } from './flow-matching.js';
export { improvedMeanFlow, type ImprovedMeanFlowOptions } from './improved-mean-flow.js';
export {
  diagonalIntervals,
  intervalsToData,
  logitNormalEnds,
  logitNormalLengths,
  logUniformLengths,
  sampleIntervals,
  uniformLengths,
  type DrawKey,
  type HeldEnd,
  type IntervalLengths,
} from './intervals.js';
export { lagrangianSelfDistillation, type LagrangianSelfDistillationOptions } from './lagrangian-self-distillation.js';
export { lengthCurriculum, type LengthCurriculumOptions } from './length-curriculum.js';
export { cosineWeight, lengthWeight, type LossWeight } from './loss-weights.js';
export { meanFlow, type MeanFlowOptions } from './mean-flow.js';
export { mixedIntervals, type IntervalPart } from './mixed-intervals.js';
export {
  progressiveSelfDistillation,
  type ProgressiveSelfDistillationOptions,
} from './progressive-self-distillation.js';
export { OBJECTIVE_NAMES, objectiveNamed, type ObjectiveName } from './objective-named.js';
export { scm, type ScmOptions } from './scm.js';
export { shortcut, type ShortcutOptions } from './shortcut.js';
export { soFlow, type SoFlowOptions } from './so-flow.js';
export { stepIntervals, type StepIntervalsOptions } from './step-intervals.js';
export { teacherTrajectories, type TeacherTrajectoriesOptions } from './teacher-trajectories.js';
export { terminalVelocity, type TerminalVelocityOptions } from './terminal-velocity.js';
export { velocityAnchor, type VelocityAnchorOptions } from './velocity-anchor.js';
export { normalizeTangent, type TangentNorm } from './normalize-tangent.js';

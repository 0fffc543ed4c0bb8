export { ayfEmd, AYF_EMD_PRESETS, tangentWarmup, type AyfEmdOptions, type AyfEmdPreset } from './ayf-emd.js';
export { ayfLmd, type AyfLmdOptions } from './ayf-lmd.js';
export { bothOrders, type IntervalOrders } from './both-orders.js';
export { flowMatching, type FlowMatchingOptions } from './flow-matching.js';
export {
  diagonalIntervals,
  intervalsToData,
  logitNormalLengths,
  logUniformLengths,
  sampleIntervals,
  uniformLengths,
  type DrawKey,
  type HeldEnd,
  type IntervalLengths,
} from './intervals.js';
export { lengthCurriculum, type LengthCurriculumOptions } from './length-curriculum.js';
export { cosineWeight, lengthWeight, type LossWeight } from './loss-weights.js';
export { mixedIntervals, type IntervalPart } from './mixed-intervals.js';
export { stepIntervals, type StepIntervalsOptions } from './step-intervals.js';
export { teacherTrajectories, type TeacherTrajectoriesOptions } from './teacher-trajectories.js';
export { velocityAnchor, type VelocityAnchorOptions } from './velocity-anchor.js';
export { normalizeTangent, type TangentNorm } from './normalize-tangent.js';

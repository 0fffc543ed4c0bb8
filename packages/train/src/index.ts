export { adamw, type AdamwOptions } from './adamw.js';
export { checkpoints, type CheckpointsOptions } from './callbacks/checkpoints.js';
export { earlyStop, type EarlyStopOptions } from './callbacks/early-stop.js';
export { logging } from './callbacks/logging.js';
export { previewSamples, type PreviewSamplesOptions } from './callbacks/preview-samples.js';
export { reportData } from './callbacks/report-data.js';
export { snapshots, type SnapshotsOptions } from './callbacks/snapshots.js';
export { validationLoss, type ValidationLossOptions } from './callbacks/validation-loss.js';
export { halflifeEma, powerEma, type PowerEma } from './ema.js';
export {
  NonFiniteError,
  OpaqueFieldError,
  ReconstructionError,
  RunMismatchError,
  RuntimeLostError,
  ScheduleError,
  type SuspectBatch,
} from './errors.js';
export type { PowerProfile } from './internal/power-profile.js';
export { lossByLength, type LossByLengthOptions, type LossOfLength } from './loss-by-length.js';
export { objectivePhase, type ObjectivePhaseOptions } from './objective-phase.js';
export type { Optimizer, ParameterUpdate } from './optimizer.js';
export { phaseFeeds, updateFeeds } from './phase-feeds.js';
export {
  lossPrograms,
  phasePrograms,
  type PhaseProgramOptions,
  type PhasePrograms,
  type Question,
} from './phase-programs.js';
export {
  averageCoefficients,
  reconstructAverage,
  type AverageCoefficients,
  type ReconstructedAverage,
  type ReconstructionOptions,
} from './reconstruct-average.js';
export { memoryStore, type Checkpoint, type MemoryStore, type RunStore } from './run-store.js';
export { constantSchedule, cosineSchedule, linearSchedule, type DecayOptions, type Schedule } from './schedules.js';
export { snapshotsIn, type Snapshot } from './snapshots.js';
export {
  requireTeacherFit,
  teacherFit,
  type RequireTeacherFitOptions,
  type TeacherFit,
  type TeacherFitOptions,
} from './teacher-fit.js';
export { train, type Training } from './train.js';
export type { TrainingOptions } from './training-options.js';
export { initialState, modelIn, trainee, type TraineeOptions } from './trainee.js';

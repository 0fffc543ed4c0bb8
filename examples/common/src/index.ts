export { parseOptions, runCommand, type CommandContext, type CommandOutput, type CommandSpec } from './command.js';
export { measureStatistics } from './distances.js';
export { DISTILLATION_OPTIONS, distillationOf } from './distillation.js';
export { endpointRmse, EVALUATION_COUNT, evaluationLabels, REFERENCE_STEPS, sampleFixedNoises } from './evaluate.js';
export { interruptible } from './interruptible.js';
export { machine, versions } from './machine.js';
export type { Metrics } from './metrics.js';
export {
  flag,
  LOGGING_OPTIONS,
  pathOr,
  positive,
  requiredPath,
  whole,
  wholes,
  type Config,
  type OptionTable,
} from './options.js';
export { imageGrids, type Presentation } from './presentation.js';
export type { ExampleRun, TeacherSource, Training } from './example-run.js';
export { runExample } from './run-example.js';
export { openRuntime, RUNTIME_OPTIONS } from './runtime.js';
export { forwardFlops, matmulGflops, median } from './speed.js';
export { besideCheckpoint, loadTeacher, lockRunFolder, trainOnce, type Trained } from './run-folder.js';

export { parseOptions, runCommand, type CommandContext, type CommandOutput, type CommandSpec } from './command.js';
export { endpointRmse, EVALUATION_COUNT, evaluationLabels, REFERENCE_STEPS, sampleFixedNoises } from './evaluate.js';
export { machine, versions } from './machine.js';
export type { Metrics } from './metrics.js';
export { flag, pathOr, positive, requiredPath, whole, wholes, type Config, type OptionTable } from './options.js';
export { imageGrids, type Presentation } from './presentation.js';
export { runExample, type ExampleRun, type TeacherSource, type Training } from './run-example.js';
export { forwardFlops, matmulGflops, median } from './speed.js';
export { besideCheckpoint, loadTeacher, type Trained } from './run-folder.js';

export { measureStatistics } from './distances.js';
export { endpointRmse, EVALUATION_COUNT, evaluationLabels, REFERENCE_STEPS, sampleFixedNoises } from './evaluate.js';
export { machine, versions } from './machine.js';
export type { Metrics } from './metrics.js';
export { imageGrids, type Presentation } from './presentation.js';
export type { ExampleRun, TeacherSource, Training } from './example-run.js';
export { runExample } from './run-example.js';
export { forwardFlops, matmulGflops, median } from './speed.js';
export { besideCheckpoint, loadTeacher, lockRunFolder, trainOnce, type Trained } from './run-folder.js';

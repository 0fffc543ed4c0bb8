export { surviveClosedPipe } from './closed-pipe.js';
export type { LogRecord } from './log.js';
export type { DistillOptions, TrainOptions, TrainResult, TrainVelocityFieldOptions } from './options.js';
export type { ProgressDisplay } from './progress.js';
export { nextRunFolder, type RunFolder } from './run-folder.js';
export { distill, trainVelocityField } from './train.js';

export { surviveClosedPipe } from './closed-pipe.js';
export type { DistillOptions, TrainOptions, TrainResult, TrainVelocityFieldOptions, WhenFinished } from './options.js';
export type { ProgressDisplay } from './progress-display.js';
export { nextRunFolder, type RunFolder } from './run-folder.js';
export { distill, trainVelocityField } from './train.js';
export { loadCheckpoint, loadTrained } from './checkpoints.js';
export { openFolderStore, type FolderStore } from './folder-store.js';
export { openSnapshots } from './kept.js';
export { loadAverage, type LoadAverageOptions } from './load-average.js';

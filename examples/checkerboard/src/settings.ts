import {
  pathOr,
  positive,
  whole,
  DISTILLATION_OPTIONS,
  LOGGING_OPTIONS,
  RUNTIME_OPTIONS,
  type Config,
} from '@flowmap/example-common';

/** Options of the example. */
export const CHECKERBOARD_OPTIONS = {
  iterations: whole('steps of the distillation', 700),
  teacherIterations: whole("steps of the teacher's training", 1500),
  batchSize: whole('points of one step', 512),
  learningRate: positive('peak of the learning rate of the distillation', 1e-3),
  teacherLearningRate: positive("peak of the teacher's learning rate", 2e-3),
  width: whole("width of the network's layers", 128),
  depth: whole("number of the network's residual blocks", 3),
  points: whole('points in a picture, at least 256', 4000, 256),
  ...DISTILLATION_OPTIONS,
  ...RUNTIME_OPTIONS,
  seed: whole('decides initial weights, data, noise and times', 0, 0),
  ...LOGGING_OPTIONS,
  out: pathOr('folder for the results; a number is appended when it holds a finished run', 'DIR', 'out/checkerboard'),
};

export type CheckerboardConfig = Config<typeof CHECKERBOARD_OPTIONS>;

import { EVALUATION_OPTIONS, LEVER_OPTIONS } from '@flowmap/example-common';
import {
  DISTILLATION_OPTIONS,
  IMAGE_OPTIONS,
  LOGGING_OPTIONS,
  pathOr,
  positive,
  requiredPath,
  TRAINING_RUNTIME_OPTIONS,
  UNET_OPTIONS,
  whole,
  type Config,
} from 'flowmap/node';

/** Options of the example. */
export const IMAGE_FOLDER_OPTIONS = {
  data: requiredPath('folder of images, or of one folder of images for each class', 'DIR'),
  ...IMAGE_OPTIONS,
  iterations: whole('steps of the distillation', 5000),
  teacherIterations: whole("steps of the teacher's training", 20_000),
  batchSize: whole('images of one step', 32),
  learningRate: positive('peak of the learning rate of the distillation', 2e-4),
  teacherLearningRate: positive("peak of the teacher's learning rate", 1e-3),
  teacher: pathOr('checkpoint of a teacher to distil, in place of training one', 'FILE', null),
  ...UNET_OPTIONS,
  ...DISTILLATION_OPTIONS,
  ...LEVER_OPTIONS,
  weakTeacher: pathOr('checkpoint of the weak teacher, which --guidance needs', 'FILE', null),
  evaluate: whole('samples whose distance from the data is measured, for which the data is read once more', 0, 0),
  ...EVALUATION_OPTIONS,
  ...TRAINING_RUNTIME_OPTIONS,
  seed: whole('decides initial weights, order of the images, noise and times', 0, 0),
  ...LOGGING_OPTIONS,
  out: pathOr('folder for the results; a number is appended when it holds a finished run', 'DIR', 'out/image-folder'),
};

export type ImageFolderConfig = Config<typeof IMAGE_FOLDER_OPTIONS>;

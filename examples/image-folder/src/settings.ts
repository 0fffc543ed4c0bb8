import {
  flag,
  pathOr,
  positive,
  requiredPath,
  whole,
  wholes,
  DISTILLATION_OPTIONS,
  LOGGING_OPTIONS,
  RUNTIME_OPTIONS,
  type Config,
} from '@flowmap/example-common';

/** Options of the example. */
export const IMAGE_FOLDER_OPTIONS = {
  data: requiredPath('folder of images, or of one folder of images for each class', 'DIR'),
  size: whole('side that images are scaled and cropped to; unless given, they must all be of one size', null),
  flip: flag('mirror images left to right at random'),
  iterations: whole('steps of the distillation', 5000),
  teacherIterations: whole("steps of the teacher's training", 20_000),
  batchSize: whole('images of one step', 32),
  learningRate: positive('peak of the learning rate of the distillation', 2e-4),
  teacherLearningRate: positive("peak of the teacher's learning rate", 1e-3),
  teacher: pathOr('checkpoint of a teacher to distil, in place of training one', 'FILE', null),
  channels: wholes("channels of the teacher's U-net, the full resolution first", [64, 128, 128]),
  blocks: whole("residual blocks of the teacher's U-net at each resolution, down and up", 1),
  ...DISTILLATION_OPTIONS,
  evaluate: whole('samples whose distance from the data is measured; 0 for none', 1000, 0),
  ...RUNTIME_OPTIONS,
  seed: whole('decides initial weights, order of the images, noise and times', 0, 0),
  ...LOGGING_OPTIONS,
  out: pathOr('folder for the results; a number is appended when it holds a finished run', 'DIR', 'out/image-folder'),
};

export type ImageFolderConfig = Config<typeof IMAGE_FOLDER_OPTIONS>;

import {
  choices,
  IMAGE_OPTIONS,
  pathOr,
  positive,
  requiredPath,
  TRAINING_RUNTIME_OPTIONS,
  whole,
  wholes,
  type Config,
} from 'flowmap/node';
import { IMAGE_FOLDER_OPTIONS } from '../settings.js';
import { METHODS, type MethodName } from './train-method.js';

const NAMES = Object.keys(METHODS) as MethodName[];

const { stepsPerRun: _, ...RUNTIME } = TRAINING_RUNTIME_OPTIONS;

/** Options of the comparison. */
export const METHODS_OPTIONS = {
  data: IMAGE_FOLDER_OPTIONS.data,
  ...IMAGE_OPTIONS,
  teacher: requiredPath('checkpoint of the teacher, on the linear path', 'FILE'),
  methods: choices('methods to compare', NAMES, NAMES),
  minutes: positive("processor time of each method's training, in minutes over all threads", 15),
  batchSize: IMAGE_FOLDER_OPTIONS.batchSize,
  learningRate: IMAGE_FOLDER_OPTIONS.learningRate,
  steps: wholes('numbers of steps', [1, 2, 4, 8]),
  samples: whole('samples whose distance is measured', 2000, 2),
  ...RUNTIME,
  seed: IMAGE_FOLDER_OPTIONS.seed,
  out: pathOr('folder for the results; a number is appended when it holds a finished run', 'DIR', 'out/image-methods'),
};

export type MethodsConfig = Config<typeof METHODS_OPTIONS>;

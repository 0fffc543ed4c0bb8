import { choices, flag, pathOr, positive, whole, TRAINING_RUNTIME_OPTIONS, type Config } from 'flowmap/node';
import { METHODS } from './methods.js';

/** Options of the example. */
export const METHODS_OPTIONS = {
  all: flag('two moons, spirals and eight Gaussians too, which takes four times as long'),
  methods: choices('objectives to compare', METHODS, METHODS),
  iterations: whole("steps of each student's training", 700),
  teacherIterations: whole("steps of a teacher's training", 2000),
  batchSize: whole('points of one step', 256),
  learningRate: positive('peak of the learning rate of the students', 1e-3),
  teacherLearningRate: positive("peak of the teachers' learning rate", 2e-3),
  width: whole("width of the networks' layers", 96),
  depth: whole("number of the networks' residual blocks", 3),
  samples: whole('samples whose distance from the data is measured', 10_000, 2),
  ...TRAINING_RUNTIME_OPTIONS,
  seed: whole('decides initial weights, data, noise and times', 0, 0),
  out: pathOr('folder for the results; a number is appended when it holds a finished run', 'DIR', 'out/methods-2d'),
};

export type MethodsConfig = Config<typeof METHODS_OPTIONS>;

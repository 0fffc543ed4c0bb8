import { choices, pathOr, positive, whole, wholes, TRAINING_RUNTIME_OPTIONS, type Config } from 'flowmap/node';
import { TRAINED } from './networks.js';

/** Options of the example. */
export const THEOREM_OPTIONS = {
  objectives: choices('what networks are trained by', TRAINED, [...TRAINED]),
  steps: wholes('numbers of steps in which samples are taken', [1, 2, 4, 8, 16, 32, 64, 128]),
  iterations: whole("steps of a network's training", 1500),
  batchSize: whole('points of one step', 256),
  learningRate: positive('peak of the learning rate', 2e-3),
  width: whole("width of the networks' layers", 64),
  depth: whole("number of the networks' residual blocks", 2),
  seeds: whole('trainings of each network, of which the median is shown', 3),
  points: whole('points of the laws that are followed, at least 3', 1001, 3),
  ...TRAINING_RUNTIME_OPTIONS,
  out: pathOr(
    'folder for the results; a number is appended when it holds a finished run',
    'DIR',
    'out/multistep-theorem',
  ),
};

export type TheoremConfig = Config<typeof THEOREM_OPTIONS>;

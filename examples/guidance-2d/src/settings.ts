import { pathOr, positive, whole, TRAINING_RUNTIME_OPTIONS, type Config } from 'flowmap/node';

/** Options of the example. */
export const GUIDANCE_OPTIONS = {
  iterations: whole("steps of the strong model's training", 12_000),
  width: whole("width of the strong model's layers", 128),
  depth: whole("number of the strong model's residual blocks", 4),
  weakIterations: whole("steps of the weak model's training", 1500),
  weakWidth: whole("width of the weak model's layers", 64),
  weakDepth: whole("number of the weak model's residual blocks", 3),
  batchSize: whole('points of one step', 512),
  learningRate: positive('peak of the learning rate', 3e-3),
  scale: positive('scale of guidance in the picture', 3),
  points: whole('points of each panel of the picture', 8000, 2),
  steps: whole("steps of Heun's method", 32),
  ...TRAINING_RUNTIME_OPTIONS,
  seed: whole('decides initial weights, data and noise', 0, 0),
  out: pathOr('folder for the results; a number is appended when it holds a finished run', 'DIR', 'out/guidance-2d'),
};

export type GuidanceConfig = Config<typeof GUIDANCE_OPTIONS>;

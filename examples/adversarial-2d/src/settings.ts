import { pathOr, positive, whole, TRAINING_RUNTIME_OPTIONS, type Config } from 'flowmap/node';

/** Options of the example. */
export const ADVERSARIAL_OPTIONS = {
  seeds: whole('runs of everything, with seeds 0, 1, …', 3),
  teacherIterations: whole("steps of each teacher's training", 6000),
  iterations: whole('steps of the distillation', 3000),
  further: whole('steps of the finetuning, and of the distillation alone that it is compared with', 1500),
  width: whole("width of the networks' layers", 64),
  depth: whole("number of the networks' residual blocks", 3),
  batchSize: whole('points of one step', 256),
  learningRate: positive('peak of the learning rate of teachers and distillations', 2e-3),
  finetuningRate: positive("peak of the student's learning rate after the distillation", 5e-4),
  judgeRate: positive("peak of the discriminator's learning rate", 2e-3),
  adversarialWeight: positive('weight α of the adversarial term', 1),
  penaltyWeight: positive('weight β of the gradient penalties R1 and R2', 0.1),
  blur: positive("deviation of the modes as the blurred teacher sees them; the data's is 0.1", 0.2),
  points: whole('samples that are judged, and points of each panel of the picture', 8000, 2),
  ...TRAINING_RUNTIME_OPTIONS,
  out: pathOr('folder for the results; a number is appended when it holds a finished run', 'DIR', 'out/adversarial-2d'),
};

export type AdversarialConfig = Config<typeof ADVERSARIAL_OPTIONS>;

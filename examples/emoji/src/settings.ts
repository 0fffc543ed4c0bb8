import { join } from 'node:path';
import {
  flag,
  fraction,
  pathOr,
  positive,
  whole,
  wholes,
  DISTILLATION_OPTIONS,
  LOGGING_OPTIONS,
  TRAINING_RUNTIME_OPTIONS,
  type Config,
} from 'flowmap/node';
import { EVALUATION_OPTIONS, LEVER_OPTIONS } from '@flowmap/example-common';
import { CATEGORIES } from './emoji-dataset.js';

/** Folder of this example. */
const here = join(import.meta.dirname, '..');

/**
 * Rows of the pictures: two of smileys, then one for each other category.
 *
 * @param classes the teacher's categories in the order of its labels, which need not be the data's
 * @returns the label of each row; undefined for a teacher without classes
 */
export function rowsOf(classes: readonly string[]): readonly number[] | undefined {
  if (classes.length === 0) return undefined;
  return [CATEGORIES[0]!, ...CATEGORIES].map((category) => classes.indexOf(category));
}

/** The teacher that comes with the example. */
export const SHIPPED_TEACHER = join(here, 'teacher.safetensors');

/** The weak teacher that comes with the example: a smaller network after an eighth of the teacher's steps. */
export const SHIPPED_WEAK_TEACHER = join(here, 'weak-teacher.safetensors');

/** Statistics of the emoji of the usual size, which come with the example. */
export const SHIPPED_STATISTICS = join(here, 'statistics.safetensors');

const machineOptions = {
  ...TRAINING_RUNTIME_OPTIONS,
  seed: whole('decides initial weights, order of the images, noise and times', 0, 0),
};

const networkOptions = {
  size: whole('side of the images in pixels', 24),
  channels: wholes("channels of the teacher's U-net, the full resolution first", [32, 64, 128]),
};

/** Options of the example. */
export const EMOJI_OPTIONS = {
  iterations: whole('steps of the distillation', 960),
  batchSize: whole('images of one step', 32),
  learningRate: positive('peak of the learning rate of the distillation', 3e-4),
  teacher: pathOr('checkpoint of the teacher; the one that comes with the example unless given', 'FILE', null),
  trainTeacher: flag('train a teacher from scratch instead, with the options below'),
  teacherIterations: whole("steps of the teacher's training", 12_000),
  teacherLearningRate: positive("peak of the teacher's learning rate", 1e-3),
  ...DISTILLATION_OPTIONS,
  diagonalShare: fraction(
    'share of the batch at s = t; 0.4 unless given, and that of any preset but the default',
    null,
  ),
  student: { ...DISTILLATION_OPTIONS.student, fallback: 'late-s' as const },
  ...LEVER_OPTIONS,
  weakIterations: whole("steps of the weak teacher's training, with --train-teacher and --guidance", 1500),
  weakChannels: wholes("channels of the weak teacher's U-net, with --train-teacher and --guidance", [16, 32, 64]),
  evaluate: whole(
    'samples whose distance from the data is measured, and from 2,000 on their recall; 0 leaves it out',
    1000,
    0,
  ),
  ...EVALUATION_OPTIONS,
  ...networkOptions,
  ...machineOptions,
  ...LOGGING_OPTIONS,
  out: pathOr('folder for the results; a number is appended when it holds a finished run', 'DIR', 'out/emoji'),
};

/** Options of the command that makes the teacher that comes with the example. */
export const TEACHER_OPTIONS = {
  iterations: whole('steps of the training', 12_000),
  batchSize: whole('images of one step', 32),
  learningRate: positive('peak of the learning rate', 1e-3),
  ...networkOptions,
  ...machineOptions,
  out: pathOr('folder for the run', 'DIR', 'out/emoji-teacher'),
  save: pathOr('where the finished teacher goes, its log and metrics beside it', 'FILE', SHIPPED_TEACHER),
};

export type EmojiConfig = Config<typeof EMOJI_OPTIONS>;
export type TeacherConfig = Config<typeof TEACHER_OPTIONS>;

import { unet } from '@flowmap/core';
import {
  EVALUATION_COUNT,
  evaluationLabels,
  evaluationsOf,
  finetuningObjective,
  imageGrids,
  leversOf,
  loadTeacher,
  runExample,
  type ExampleRun,
  type TeacherSource,
} from '@flowmap/example-common';
import { distillationOf, openRuntime, requireUnread, type CommandContext } from 'flowmap/node';
import { CATEGORIES, emojiDataset } from './emoji-dataset.js';
import {
  EMOJI_OPTIONS,
  rowsOf,
  SHIPPED_STATISTICS,
  SHIPPED_TEACHER,
  SHIPPED_WEAK_TEACHER,
  type EmojiConfig,
} from './settings.js';

/**
 * Distils the emoji teacher, finetunes the student if asked to, and writes the report.
 *
 * @returns the run's folder
 * @throws {ConfigError} for options of a teacher's training without `--train-teacher`
 */
export async function runEmoji(
  { out, tensorboard, ...options }: EmojiConfig,
  context: CommandContext,
): Promise<string> {
  const { iterations, batchSize, learningRate, seed, stepsPerRun } = options;
  if (!options.trainTeacher) {
    const ofTeachers = [
      'teacherIterations',
      'teacherLearningRate',
      'channels',
      'size',
      'weakIterations',
      'weakChannels',
    ];
    await requireUnread(options, EMOJI_OPTIONS, ofTeachers, 'without --train-teacher');
  }
  if (options.guidance === null) {
    const ofWeak = ['weakTeacher', 'weakIterations', 'weakChannels'];
    await requireUnread(options, EMOJI_OPTIONS, ofWeak, 'without --guidance');
  }
  const distillation = withDiagonalShare(options);
  const runtime = await openRuntime(options);
  const trained = options.trainTeacher ? undefined : await loadTeacher(options.teacher ?? SHIPPED_TEACHER);
  const side = trained?.model.network.config.shape[1] ?? options.size;
  context.print(`decoding emoji, ${side} x ${side} pixels`);
  const data = await emojiDataset(side);
  const classes = trained?.model.classes ?? CATEGORIES;
  const networkOf = (channels: readonly number[]) => unet({ shape: data.shape, classes: CATEGORIES.length, channels });
  const training = { batchSize, learningRate: options.teacherLearningRate };
  const weakOf = async (): Promise<TeacherSource> =>
    options.trainTeacher && options.weakTeacher === null
      ? { ...training, iterations: options.weakIterations, network: networkOf(options.weakChannels) }
      : loadTeacher(options.weakTeacher ?? SHIPPED_WEAK_TEACHER);
  return runExample({
    subject: 'Emoji',
    runtime,
    data,
    teacher: trained ?? {
      ...training,
      iterations: options.teacherIterations,
      network: networkOf(options.channels),
    },
    student: { iterations, batchSize, learningRate, ...(await distillationOf(distillation)) },
    ...(await leversOf(options, weakOf, () => finetuningObjective(distillation))),
    seed,
    stepsPerRun,
    out,
    tensorboard,
    options,
    ...evaluationsOf(options),
    ...(options.evaluate === 0 ? {} : { distances: distancesOf(options.evaluate, side) }),
    presentation: imageGrids(evaluationLabels(EVALUATION_COUNT, classes.length), classes.length, rowsOf(classes)),
    ...context,
  });
}

/** The options, with the share of the batch at s = t that a student needs if s enters late (docs/log.md). */
export function withDiagonalShare<T extends Pick<EmojiConfig, 'diagonalShare' | 'objective' | 'preset'>>(
  options: T,
): T {
  const isOurs = options.objective === 'ayf-lmd' || (options.objective === 'ayf-emd' && options.preset === 'default');
  return { ...options, diagonalShare: options.diagonalShare ?? (isOurs ? 0.4 : null) };
}

/** The distance from the emoji, whose statistics come with the example for one size. */
function distancesOf(samples: number, side: number): NonNullable<ExampleRun['distances']> {
  return { samples, ...(side === EMOJI_OPTIONS.size.fallback ? { statistics: SHIPPED_STATISTICS } : {}) };
}

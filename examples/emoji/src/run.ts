import { unet } from '@flowmap/core';
import {
  distillationOf,
  EVALUATION_COUNT,
  evaluationLabels,
  imageGrids,
  loadTeacher,
  openRuntime,
  runExample,
  type CommandContext,
  type ExampleRun,
} from '@flowmap/example-common';
import { CATEGORIES, emojiDataset } from './emoji-dataset.js';
import { EMOJI_OPTIONS, rowsOf, SHIPPED_STATISTICS, SHIPPED_TEACHER, type EmojiConfig } from './settings.js';

/**
 * Distils the emoji teacher and writes the report.
 *
 * @returns the run's folder
 */
export async function runEmoji(
  { out, tensorboard, ...options }: EmojiConfig,
  context: CommandContext,
): Promise<string> {
  const { iterations, batchSize, learningRate, seed, stepsPerRun } = options;
  const runtime = await openRuntime(options);
  const trained = options.trainTeacher ? undefined : await loadTeacher(options.teacher ?? SHIPPED_TEACHER);
  const side = trained?.model.network.config.shape[1] ?? options.size;
  context.print(`decoding emoji, ${side} x ${side} pixels`);
  const data = await emojiDataset(side);
  const classes = trained?.model.classes ?? CATEGORIES;
  return runExample({
    subject: 'Emoji',
    runtime,
    data,
    teacher: trained ?? {
      iterations: options.teacherIterations,
      batchSize,
      learningRate: options.teacherLearningRate,
      network: unet({ shape: data.shape, classes: CATEGORIES.length, channels: options.channels }),
    },
    student: { iterations, batchSize, learningRate, ...distillationOf(options) },
    seed,
    stepsPerRun,
    out,
    tensorboard,
    options,
    ...(options.evaluate === 0 ? {} : { distances: distancesOf(options.evaluate, side) }),
    presentation: imageGrids(evaluationLabels(EVALUATION_COUNT, classes.length), classes.length, rowsOf(classes)),
    ...context,
  });
}

/** The distance from the emoji, whose statistics come with the example in one size. */
function distancesOf(samples: number, side: number): NonNullable<ExampleRun['distances']> {
  return { samples, ...(side === EMOJI_OPTIONS.size.fallback ? { statistics: SHIPPED_STATISTICS } : {}) };
}

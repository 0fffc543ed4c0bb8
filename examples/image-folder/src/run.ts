import { ConfigError, sizesOf, unet } from '@flowmap/core';
import {
  EVALUATION_COUNT,
  evaluationLabels,
  evaluationsOf,
  finetuningObjective,
  imageGrids,
  leversOf,
  loadTeacher,
  runExample,
  type TeacherSource,
} from '@flowmap/example-common';
import {
  distillationOf,
  openRuntime,
  readImages,
  requireApart,
  requireUnread,
  type CommandContext,
} from 'flowmap/node';
import { IMAGE_FOLDER_OPTIONS, type ImageFolderConfig } from './settings.js';

/**
 * Trains a teacher on a folder of images, or loads one from a checkpoint, distils it, finetunes the student if asked to,
 * and writes the report.
 *
 * @returns the run's folder
 * @throws {ConfigError} for guidance without a weak teacher, and for a folder of results inside that of the images
 * @throws {DataError} when the folder is missing or empty, or an image is damaged; before anything is written
 */
export async function runImageFolder(
  { out, tensorboard, ...options }: ImageFolderConfig,
  context: CommandContext,
): Promise<string> {
  const { iterations, batchSize, learningRate, seed, stepsPerRun, flip, channels, blocks } = options;
  await requireApart(out, options.data);
  if (options.teacher !== null) {
    const ofTeacher = ['teacherIterations', 'teacherLearningRate', 'channels', 'blocks'];
    await requireUnread(options, IMAGE_FOLDER_OPTIONS, ofTeacher, 'with --teacher, which is trained already');
  }
  if (options.guidance === null) {
    await requireUnread(options, IMAGE_FOLDER_OPTIONS, ['weakTeacher'], 'without --guidance');
  }
  const levers = await leversOf(
    options,
    () => weakTeacher(options),
    () => finetuningObjective(options),
  );
  const runtime = await openRuntime(options);
  const trained = options.teacher === null ? undefined : await loadTeacher(options.teacher);
  const { data, summary } = await readImages(options.data, options, context);
  // A teacher's samples have the teacher's classes: none if it is unconditional, even if the folder has some.
  const classes = (trained?.model ?? data).classes.length;
  return runExample({
    subject: `Images of ${data.name}`,
    runtime,
    data,
    dataSummary: summary,
    teacher: trained ?? {
      iterations: options.teacherIterations,
      batchSize,
      learningRate: options.teacherLearningRate,
      network: unet({ ...sizesOf(data), channels, blocks }),
    },
    student: { iterations, batchSize, learningRate, ...(await distillationOf(options)) },
    ...levers,
    seed,
    stepsPerRun,
    flip,
    out,
    tensorboard,
    options,
    ...(data.length < 2 ? {} : evaluationsOf(options)),
    ...(options.evaluate === 0 || data.length < 2
      ? {}
      : { distances: { samples: options.evaluate, consistency: true } }),
    presentation: imageGrids(evaluationLabels(EVALUATION_COUNT, classes), classes),
    ...context,
  });
}

async function weakTeacher({ weakTeacher: file }: Pick<ImageFolderConfig, 'weakTeacher'>): Promise<TeacherSource> {
  if (file === null) throw new ConfigError('--weak-teacher', 'wanted the checkpoint of a weak teacher for --guidance');
  return loadTeacher(file);
}

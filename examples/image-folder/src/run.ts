import { sizesOf, unet } from '@flowmap/core';
import { EVALUATION_COUNT, evaluationLabels, imageGrids, loadTeacher, runExample } from '@flowmap/example-common';
import { distillationOf, openRuntime, readImages, type CommandContext } from 'flowmap/node';
import type { ImageFolderConfig } from './settings.js';

/**
 * Trains a teacher on a folder of images, or loads one from a checkpoint, distils it and writes the report.
 *
 * @returns the run's folder
 * @throws {DataError} when the folder is missing or empty, or an image is damaged; before anything is written
 */
export async function runImageFolder(
  { out, tensorboard, ...options }: ImageFolderConfig,
  context: CommandContext,
): Promise<string> {
  const { iterations, batchSize, learningRate, seed, stepsPerRun, flip, channels, blocks } = options;
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
    seed,
    stepsPerRun,
    flip,
    out,
    tensorboard,
    options,
    ...(options.evaluate === 0 || data.length < 2
      ? {}
      : { distances: { samples: options.evaluate, consistency: true } }),
    presentation: imageGrids(evaluationLabels(EVALUATION_COUNT, classes), classes),
    ...context,
  });
}

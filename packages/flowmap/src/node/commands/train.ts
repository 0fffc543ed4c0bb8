import { join } from 'node:path';
import { IMAGE_OPTIONS, printData, readImages, UNET_OPTIONS } from '../command-line/images.js';
import { pathArgument, pathOr, positive, whole, type Config } from '../command-line/options.js';
import { requireApart, RUN_FOLDER_OPTIONS, runFolderOf } from '../command-line/run-folder.js';
import { openRuntime, TRAINING_RUNTIME_OPTIONS } from '../command-line/runtime.js';
import { answering, type Answer, type Talk } from './command.js';
import { finishedRun } from './finished-run.js';

const TRAIN_OPTIONS = {
  images: pathArgument('a folder of images, or of one folder of images for each class'),
  ...IMAGE_OPTIONS,
  iterations: whole('steps of the training', 20_000),
  batchSize: whole('images of one step', 32),
  learningRate: positive('peak of the learning rate', 1e-3),
  ...UNET_OPTIONS,
  ...TRAINING_RUNTIME_OPTIONS,
  ...RUN_FOLDER_OPTIONS,
  seed: whole('decides initial weights, order of the images, noise and times', 0, 0),
  out: pathOr('folder of the run; a number is appended when it holds a finished one', 'DIR', 'runs/teacher'),
};

/** `flowmap train`: trains a teacher on a folder of images. */
export const train = answering({
  name: 'flowmap train',
  description: 'Trains a velocity field, a teacher, on a folder of images by flow matching.',
  options: TRAIN_OPTIONS,
  resumes: true,
  run: trainTeacher,
});

async function trainTeacher(config: Config<typeof TRAIN_OPTIONS>, talk: Talk): Promise<Answer> {
  const { images, channels, blocks, out, iterations, batchSize, learningRate, flip, stepsPerRun, seed } = config;
  const { sizesOf, unet } = await import('@flowmap/core');
  const { flowMatching } = await import('@flowmap/objectives');
  const { trainVelocityField } = await import('@flowmap/train/node');
  await requireApart(out, images);
  const runtime = await openRuntime(config);
  const { data, facts } = await readImages(images, config, talk);
  const { statistics: values, warning = null } = await printData(data, talk);
  const read = { ...facts, shape: data.shape, samples: data.length, values, warning };
  const result = await trainVelocityField({
    ...runFolderOf(config),
    ...{ iterations, batchSize, learningRate, flip, stepsPerRun, seed },
    network: unet({ ...sizesOf(data), channels, blocks }),
    objective: flowMatching(),
    runtime,
    data,
    out,
    signal: talk.signal,
    progress: talk.progress ?? 'auto',
    onData: () => undefined, // shown above
    config,
  });
  return { ...finishedRun(result, (folder) => join(folder, 'teacher.safetensors'), talk), images: read };
}

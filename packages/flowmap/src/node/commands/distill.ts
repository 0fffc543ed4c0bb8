import { join } from 'node:path';
import { DISTILLATION_OPTIONS, distillationOf } from '../command-line/distillation.js';
import { IMAGE_OPTIONS, printData, readImages, type ImageReading } from '../command-line/images.js';
import { MAPPING_OPTIONS } from '../command-line/mapping.js';
import { pathArgument, pathOr, positive, requiredPath, whole, type Config } from '../command-line/options.js';
import { requireApart, RUN_FOLDER_OPTIONS, runFolderOf } from '../command-line/run-folder.js';
import { openRuntime, TRAINING_RUNTIME_OPTIONS } from '../command-line/runtime.js';
import { answering, type Answer, type Talk } from './command.js';
import { finishedRun } from './finished-run.js';
import { openTeacher } from './open-teacher.js';

const DISTILL_OPTIONS = {
  images: pathArgument('the folder of images that the teacher was trained on'),
  teacher: requiredPath('checkpoint of the teacher, a velocity field, or with --mapping an ONNX file of one', 'FILE'),
  ...MAPPING_OPTIONS,
  ...IMAGE_OPTIONS,
  iterations: whole('steps of the distillation', 5000),
  batchSize: whole('images of one step', 32),
  learningRate: positive('peak of the learning rate', 2e-4),
  ...DISTILLATION_OPTIONS,
  ...TRAINING_RUNTIME_OPTIONS,
  ...RUN_FOLDER_OPTIONS,
  seed: whole('decides the order of the images, noise and times', 0, 0),
  out: pathOr('folder of the run; a number is appended when it holds a finished one', 'DIR', 'runs/student'),
};

/** `flowmap distill`: distils a teacher into a flow map on a folder of images. */
export const distill = answering({
  name: 'flowmap distill',
  description: 'Distils a teacher into a flow map of 1 to 8 steps, on the images that it was trained on.',
  options: DISTILL_OPTIONS,
  resumes: true,
  run: distillTeacher,
});

async function distillTeacher(config: Config<typeof DISTILL_OPTIONS>, talk: Talk): Promise<Answer> {
  const { images, iterations, batchSize, learningRate, flip, stepsPerRun, seed, out } = config;
  const { flowMapFrom } = await import('@flowmap/core');
  const library = await import('@flowmap/train/node');
  const { startingFrom, ...objective } = await distillationOf(config);
  const opened = await openTeacher(config.teacher, config.mapping);
  await requireApart(out, images);
  const runtime = await openRuntime(config);
  const { data, facts } = await readImages(images, { ...config, ...readingFor(opened.shape ?? [], config) }, talk);
  const { statistics: values, warning = null } = await printData(data, talk);
  const read = { ...facts, shape: data.shape, samples: data.length, values, warning };
  const teacher = await opened.fitted({ runtime, data }, talk);
  const result = await library.distill({
    ...{ iterations, batchSize, learningRate, flip, stepsPerRun, seed, out, ...objective, ...runFolderOf(config) },
    teacher,
    student: flowMapFrom(teacher, seed, startingFrom),
    runtime,
    data,
    signal: talk.signal,
    progress: talk.progress ?? 'auto',
    onData: () => undefined, // shown above
    config,
  });
  return { ...finishedRun(result, (folder) => join(folder, 'student.safetensors'), talk), images: read };
}

/** Size and colours that are not given are those of the teacher's images. */
function readingFor(
  [channels, height, width]: readonly number[],
  { size, grey }: Pick<ImageReading, 'size' | 'grey'>,
): Pick<ImageReading, 'size' | 'grey'> {
  const own = height === undefined || width === undefined ? null : [height, width];
  return { size: size ?? own, grey: grey || channels === 1 };
}

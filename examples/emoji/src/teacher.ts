import { constants } from 'node:fs';
import { access, copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unet, WriteError } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import {
  besideCheckpoint,
  EVALUATION_COUNT,
  evaluationLabels,
  forwardFlops,
  imageGrids,
  machine,
  matmulGflops,
  median,
  openRuntime,
  REFERENCE_STEPS,
  sampleFixedNoises,
  versions,
  type CommandContext,
} from '@flowmap/example-common';
import { flowMatching } from '@flowmap/objectives';
import { trainVelocityField } from '@flowmap/train/node';
import { CATEGORIES, emojiDataset } from './emoji-dataset.js';
import { rowsOf, type TeacherConfig } from './settings.js';

/**
 * Trains the teacher that comes with the example, and puts it in its place with its log, metrics and a picture of its samples
 * beside it.
 *
 * @throws {WriteError} before training, when that place cannot be written
 * @throws the signal's reason when it fires, with everything saved
 */
export async function trainTeacher(
  { out, save, ...options }: TeacherConfig,
  { signal, print, progress = 'auto' }: CommandContext,
): Promise<void> {
  await requireWritable(dirname(save));
  const { iterations, batchSize, learningRate, channels, seed, stepsPerRun } = options;
  const runtime = await openRuntime(options);
  const data = await emojiDataset(options.size);
  const classes = CATEGORIES.length;
  const { model, completed, folder, log } = await trainVelocityField({
    network: unet({ shape: data.shape, classes, channels }),
    objective: flowMatching(),
    ...{ runtime, data, iterations, batchSize, learningRate, seed, stepsPerRun, out, signal, progress },
    config: options,
  });
  if (!completed) throw signal.reason;

  const step = median(log.map(({ imagesPerSecond }) => batchSize / imagesPerSecond));
  // Forward and backward pass: a training step without a time derivative costs three times the forward pass.
  const flops = 3 * forwardFlops(model.network, batchSize);
  const metrics = {
    options,
    images: data.length,
    epochs: (iterations * batchSize) / data.length,
    /** Mean of the last tenth of the log. */
    loss: mean(log.slice(-Math.ceil(log.length / 10)).map(({ loss }) => loss)),
    trainStep: { gflops: flops / step / 1e9, seconds: step },
    matmul: { gflops: await matmulGflops(runtime) },
    seconds: log.at(-1)?.seconds ?? 0,
    machine: machine(),
    versions: versions(),
  };
  const [samples] = await sampleFixedNoises(model, 'heun', [REFERENCE_STEPS], {
    runtime,
    signal,
    onProgress: (what) => print(`samples: ${what}`),
  });
  const grids = imageGrids(evaluationLabels(EVALUATION_COUNT, classes), classes, rowsOf(CATEGORIES));
  await copyFile(join(folder, 'log.jsonl'), besideCheckpoint(save, 'log.jsonl'));
  await writeFileAtomic(besideCheckpoint(save, 'metrics.json'), `${JSON.stringify(metrics, null, 2)}\n`);
  await writeFileAtomic(besideCheckpoint(save, 'png'), await grids.picture(samples!));
  await copyFile(join(folder, 'teacher.safetensors'), save);
  print(`teacher: ${save}`);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

async function requireWritable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new WriteError(folder, 'cannot be written', { cause });
  }
}

import { constants } from 'node:fs';
import { access, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { heun, unet, WriteError } from '@flowmap/core';
import { writeFileAtomic } from '@flowmap/core/node';
import {
  besideCheckpoint,
  EVALUATION_COUNT,
  evaluationLabels,
  forwardFlops,
  imageGrids,
  lockRunFolder,
  machine,
  matmulGflops,
  median,
  REFERENCE_STEPS,
  sampleFixedNoises,
  trainOnce,
  versions,
} from '@flowmap/example-common';
import { flowMatching } from '@flowmap/objectives';
import { trainVelocityField } from '@flowmap/train/node';
import { interruptible, openRuntime, type CommandContext } from 'flowmap/node';
import { CATEGORIES, emojiDataset } from './emoji-dataset.js';
import { rowsOf, type TeacherConfig } from './settings.js';

/** The last file that a run writes. */
const METRICS = 'metrics.json';

/**
 * Trains the teacher that comes with the example and installs it, with its log, metrics and a picture of its samples
 * beside it. If interrupted at any point and started again with the same options, it resumes.
 *
 * @throws {WriteError} before training, when the destination cannot be written
 * @throws {FolderInUseError} when another process is using the run's folder
 * @throws the signal's reason when it fires, with everything saved
 */
export async function trainTeacher(config: TeacherConfig, context: CommandContext): Promise<void> {
  await requireWritable(dirname(config.save));
  const lock = await lockRunFolder(config.out, METRICS);
  try {
    await trainIn(lock.folder, config, context);
  } finally {
    lock.release();
  }
}

async function trainIn(
  folder: string,
  { out: _, save, ...options }: TeacherConfig,
  { signal, print, progress = 'auto' }: CommandContext,
): Promise<void> {
  const { iterations, batchSize, learningRate, channels, seed, stepsPerRun } = options;
  const runtime = await openRuntime(options);
  const data = await emojiDataset(options.size);
  const classes = CATEGORIES.length;
  const trained = await trainOnce(folder, 'teacher.safetensors', options, () =>
    trainVelocityField({
      network: unet({ shape: data.shape, classes, channels }),
      objective: flowMatching(),
      runtime,
      data,
      iterations,
      batchSize,
      learningRate,
      seed,
      stepsPerRun,
      out: folder,
      signal,
      progress,
      config: options,
    }),
  );
  if (!trained) throw signal.reason;
  const { model, log } = trained;

  const step = median(log.map(({ imagesPerSecond }) => batchSize / imagesPerSecond));
  // Forward and backward pass: a training step without a time derivative costs three times the forward pass.
  const flops = 3 * forwardFlops(model.network, batchSize);
  const metrics = {
    options,
    images: data.length,
    epochs: (iterations * batchSize) / data.length,
    /** Mean of the last tenth of the log. */
    loss: mean(log.slice(-Math.ceil(log.length / 10)).map(({ loss = NaN }) => loss)),
    trainStep: { gflops: flops / step / 1e9, seconds: step },
    matmul: { gflops: await matmulGflops(interruptible(runtime, signal)) },
    seconds: log.at(-1)?.seconds ?? 0,
    machine: machine(),
    versions: versions(),
  };
  const [samples] = await sampleFixedNoises(model, heun(), [REFERENCE_STEPS], {
    runtime,
    signal,
    onProgress: (what) => print(`samples: ${what}`),
  });
  const grids = imageGrids(evaluationLabels(EVALUATION_COUNT, classes), classes, rowsOf(CATEGORIES));
  const text = `${JSON.stringify(metrics, null, 2)}\n`;
  const picture = await grids.picture(samples!);
  signal.throwIfAborted();
  await writeFileAtomic(besideCheckpoint(save, 'log.jsonl'), await readFile(join(folder, 'log.jsonl')));
  await writeFileAtomic(besideCheckpoint(save, 'metrics.json'), text);
  await writeFileAtomic(besideCheckpoint(save, 'png'), picture);
  await writeFileAtomic(save, await readFile(join(folder, 'teacher.safetensors')));
  await writeFileAtomic(join(folder, METRICS), text);
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

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  adversarialGuard,
  differentiableAugmentation,
  discriminatorTrainee,
  finetune,
  mlpDiscriminator,
  modelFeatures,
  projectedDiscriminator,
  smallDiscriminator,
  type Discriminator,
} from '@flowmap/adversarial';
import {
  loader,
  matchClasses,
  parametrizationOf,
  pathOf,
  velocityField,
  type Callback,
  type Dataset,
  type Json,
  type Model,
} from '@flowmap/core';
import { saveModel, writeFileAtomic } from '@flowmap/core/node';
import { adamw, checkpoints, cosineSchedule, logging, objectivePhase, train, trainee } from '@flowmap/train';
import { openFolderStore } from '@flowmap/train/node';
import { showProgress, type CommandContext } from 'flowmap/node';
import type { ExampleRun, Finetuning, Training } from './example-run.js';
import { loadTrained, requireSettings, type Trained } from './run-folder.js';

/** What a finetuning takes from an example's run. */
export type FinetuningRun = CommandContext &
  Pick<ExampleRun, 'runtime' | 'seed' | 'flip'> & { readonly student: Pick<Training, 'batchSize'> };

/** Inputs of a finetuning. */
export interface FinetuningInputs {
  readonly folder: string;
  /** What config.json records. */
  readonly settings: Json;
  readonly teacher: Model;
  /** The teacher without guidance, whose features a discriminator judges. */
  readonly strong: Model;
  readonly student: Model;
  readonly data: Dataset;
}

/** The file of the student that it leaves in the folder. */
export const FINETUNED = 'finetuned.safetensors';

const SETTINGS = 'finetuning.json';

/** What its training keeps. */
const PLACE = 'finetuning';

/**
 * Trains a distilled student further, with AYF-EMD and a discriminator or without, or loads the result if that has
 * finished in the folder. If interrupted and called again with the same settings, it resumes.
 *
 * @returns undefined when training was interrupted
 * @throws {RunMismatchError} when the folder holds a finetuning with other settings
 * @throws {AdversarialStopError} when the discriminator wins completely or the generator collapses
 */
export async function finetuneOnce(
  run: FinetuningRun,
  finetuning: Finetuning,
  { folder, settings, teacher, strong, student, data }: FinetuningInputs,
): Promise<Trained | undefined> {
  const { runtime, signal, flip = false } = run;
  const [result, place] = [join(folder, FINETUNED), join(folder, PLACE)];
  if (existsSync(join(folder, SETTINGS))) await requireSettings(folder, SETTINGS, settings);
  if (existsSync(result)) return loadTrained(result, join(place, 'log.jsonl'));
  await writeFileAtomic(join(folder, SETTINGS), `${JSON.stringify({ config: settings }, null, 2)}\n`);

  const { iterations, learningRate, objective, adversarial } = finetuning;
  const seed = run.seed + 1; // with the distillation's seed, its first steps would be repeated
  const { batchSize } = run.student;
  const { network, classes } = student;
  const own = objectivePhase({
    network,
    objective,
    ...(objective.needs.teacher ? { teacher: velocityField(teacher) } : {}),
    ...{ path: pathOf(student), parametrization: parametrizationOf(student) },
    ...{ batchSize, seed },
  });
  const { shape } = network.config;
  const optimizer = adamw({ beta1: 0 });
  const judged = adversarial && {
    ...adversarial,
    discriminator:
      adversarial.judge === 'teacher'
        ? projectedDiscriminator({ features: modelFeatures(strong) })
        : discriminatorFor(shape, classes.length),
    rate: cosineSchedule(adversarial.learningRate),
  };
  const trainees = {
    student: trainee({ model: student, optimizer, learningRate }),
    ...(judged
      ? { discriminator: discriminatorTrainee(judged.discriminator, { optimizer, learningRate: judged.rate, seed }) }
      : {}),
  };
  const phases = judged
    ? finetune({
        ...{ student, objective: own, discriminator: judged.discriminator, seed },
        ...{ weight: judged.weight, penalty: judged.penalty, steps: { from: 1, to: judged.steps } },
        ...(judged.augmented ? { augmentation: differentiableAugmentation({ shape }) } : {}),
      })
    : [own];

  const store = await openFolderStore(place, trainees);
  const progress = await showProgress(run, 'finetuning');
  const every = Math.max(1, Math.min(50, Math.floor(iterations / 20)));
  const callbacks: Callback[] = [
    logging(Math.max(1, Math.floor(iterations / 200)), ({ step }) => progress.update(step, iterations)),
    judged ? adversarialGuard({ every }) : checkpoints(every),
  ];
  try {
    const training = await train({
      ...{ runtime, trainees, phases, iterations, signal, store, callbacks },
      batches: loader(matchClasses(data, student).data, { batchSize, seed, flip }),
    });
    if (!training.completed) return undefined;
    const model = training.model({ trainee: 'student', average: 'ema' });
    await saveModel(result, model);
    return { model, log: training.records };
  } finally {
    progress.stop();
    store.close();
  }
}

function discriminatorFor(shape: readonly number[], classes: number): Discriminator {
  return shape.length === 3 ? smallDiscriminator({ shape, classes }) : mlpDiscriminator({ shape, classes });
}

import {
  discriminatorTrainee,
  smallDiscriminator,
  type Discriminator,
  type FinetuneOptions,
} from '@flowmap/adversarial';
import { unet, type Batch, type Model, type Phase, type Trainee } from '@flowmap/core';
import type { Executable, Runtime } from '@flowmap/tensor';
import { adamw, constantSchedule, initialState, phasePrograms, trainee } from '@flowmap/train';
import { initialParams, settings, taskBatch, taskTraining, type PeerTask } from './peer-tasks.js';

/** Steps between lazy penalties. */
export const EVERY = 16;

/** A step of adversarial finetuning. */
export interface AdversarialTask {
  readonly task: PeerTask;
  readonly objective: Phase;
  readonly discriminator: Discriminator;
  readonly trainees: Readonly<Record<'student' | 'discriminator', Trainee>>;
  readonly batch: Batch;
  /** For `finetune`. */
  readonly options: FinetuneOptions;
}

/** The emoji U-net of 24 x 24 in batches of 32 and the small discriminator; or small networks, to try a set-up. */
export function adversarialTask(small: boolean): AdversarialTask {
  const [batchSize, classes, side] = small ? [4, 3, 8] : [32, 10, 24];
  const shape = [3, side, side];
  const network = unet({ shape, channels: small ? [16, 32] : [32, 64, 128], classes, interval: true });
  const task: PeerTask = { name: 'adversarial finetuning', network, batchSize };
  const model: Model = { kind: 'flowMap', network, params: initialParams(task), classes: [] };
  const { beta2, epsilon, emaDecay, learningRate } = settings;
  const optimizer = adamw({ beta1: 0, beta2, epsilon });
  const objective = taskTraining(task).phase;
  const discriminator = smallDiscriminator({ shape, classes });
  return {
    task,
    objective,
    discriminator,
    trainees: {
      student: trainee({
        ...{ model, optimizer, learningRate: constantSchedule(learningRate) },
        averages: { ema: constantSchedule(emaDecay) },
      }),
      discriminator: discriminatorTrainee(discriminator, { optimizer, learningRate, seed: 0 }),
    },
    batch: taskBatch(task),
    options: { student: model, objective, discriminator, seed: 0 },
  };
}

/** The program of a phase's whole step, with its state. */
export async function compiledPhase(
  runtime: Runtime,
  phase: Phase,
  trainees: AdversarialTask['trainees'],
): Promise<Executable> {
  const executable = await runtime.compile(phasePrograms(phase, trainees, { flushDenormals: false }).update);
  await writeOwn(executable, initialState(trainees, phase.fixed));
  return executable;
}

/** Writes those of the given states that a program has. */
export async function writeOwn(executable: Executable, state: ReturnType<typeof initialState>): Promise<void> {
  const own = Object.keys(executable.program.state).map((name) => [name, state[name]!] as const);
  await executable.writeState(Object.fromEntries(own));
}

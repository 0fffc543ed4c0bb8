import { loader, type Callback, type Dataset, type Model, type Objective, type VelocityField } from '@flowmap/core';
import type { HostTensors, Runtime } from '@flowmap/tensor';
import { objectivePhase, train, trainee } from '@flowmap/train';

/** Waits while the run is paused. */
export type Gate = () => Promise<void>;

interface TrainingSettings {
  readonly runtime: Runtime;
  readonly data: Dataset;
  /** The network with its initial weights. */
  readonly model: Model;
  readonly teacher?: VelocityField;
  readonly objective: Objective;
  /** Peak of the learning rate. */
  readonly learningRate: number;
  readonly iterations: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly gate: Gate;
  /** Called several times a second and with every picture, with the mean loss since the last call. */
  readonly progress: (step: number, loss: number, stepsPerSecond: number) => void;
  /**
   * How often `picture` is called with the moving average of the weights, including before the first step and after the
   * last.
   */
  readonly pictures: number;
  readonly picture: (step: number, average: HostTensors) => Promise<void>;
}

/** Milliseconds between progress reports. */
const REPORT_EVERY = 200;

/**
 * Trains a network.
 *
 * @returns the model with the moving average of its weights
 */
export async function trainModel(settings: TrainingSettings): Promise<Model> {
  const { runtime, data, model, teacher, objective, learningRate, iterations, batchSize, seed } = settings;
  const { network } = model;
  await settings.picture(0, model.params);
  const training = await train({
    runtime,
    trainees: { student: trainee({ model, learningRate }) },
    phases: [objectivePhase({ network, objective, batchSize, seed, ...(teacher ? { teacher } : {}) })],
    batches: loader(data, { batchSize, seed }),
    iterations,
    callbacks: [reports(settings), pictures(settings)],
  });
  return training.model({ average: 'ema' });
}

/** Steps between pictures. */
function pictureEvery({ iterations, pictures }: TrainingSettings): number {
  return Math.max(1, Math.round(iterations / pictures));
}

function pictures(settings: TrainingSettings): Callback {
  const { picture } = settings;
  return {
    name: 'pictures',
    every: pictureEvery(settings),
    run: async (moment) => picture(moment.step, (await moment.model({ average: 'ema' })).params),
  };
}

/** Reports progress, and blocks the training while it is paused. */
function reports(settings: TrainingSettings): Callback {
  const { progress, gate } = settings;
  let since = { time: performance.now(), steps: 0, loss: 0 };
  return {
    name: 'reports',
    every: 1,
    async run(moment) {
      const { step, iterations } = moment;
      const { loss = NaN } = await moment.record();
      since.steps++;
      since.loss += loss;
      const elapsed = performance.now() - since.time;
      const isPictured = step % pictureEvery(settings) === 0;
      if (elapsed < REPORT_EVERY && !isPictured && step < iterations) return;
      progress(step, since.loss / since.steps, (1000 * since.steps) / elapsed);
      await gate();
      since = { time: performance.now(), steps: 0, loss: 0 };
    },
  };
}

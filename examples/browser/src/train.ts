import { loader, type Dataset, type Network, type Objective, type VelocityField } from '@flowmap/core';
import type { HostTensors, Runtime } from '@flowmap/tensor';
import { adamw, cosineSchedule, initialState, powerEma, trainFeeds, trainStep } from '@flowmap/train';

/** Waits as long as the run is paused. */
export type Gate = () => Promise<void>;

interface Training {
  readonly runtime: Runtime;
  readonly data: Dataset;
  readonly network: Network;
  /** Initial weights. */
  readonly params: HostTensors;
  readonly teacher?: VelocityField;
  readonly objective: Objective;
  /** Peak of the learning rate. */
  readonly learningRate: number;
  readonly iterations: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly gate: Gate;
  /** Called several times a second, with the mean loss since the last call. */
  readonly progress: (step: number, loss: number, stepsPerSecond: number) => void;
  /** How often `picture` is called, with the moving average of the weights, before the first step and after the last included. */
  readonly pictures: number;
  readonly picture: (step: number, average: HostTensors) => Promise<void>;
}

/** Milliseconds between two reports of progress. */
const REPORT_EVERY = 200;

/**
 * Trains a network.
 *
 * @returns the moving average of its weights
 */
export async function train(training: Training): Promise<HostTensors> {
  const { runtime, network, objective, teacher, iterations, batchSize, seed } = training;
  const optimizer = adamw();
  const step = await runtime.compile(
    trainStep({ network, objective, optimizer, batchSize, ...(teacher ? { teacher } : {}) }),
  );
  await step.writeState(initialState(optimizer, training.params, teacher));
  const batches = loader(training.data, { batchSize, seed });
  const schedules = { learningRate: cosineSchedule(training.learningRate), emaDecay: powerEma() };
  const average = async (): Promise<HostTensors> => {
    const names = Object.keys(network.parameters);
    const state = await step.readState(names.map((name) => `ema.${name}`));
    return Object.fromEntries(names.map((name) => [name, state[`ema.${name}`]!]));
  };
  const pictureEvery = Math.max(1, Math.round(iterations / training.pictures));
  await training.picture(0, training.params);

  let since = { time: performance.now(), steps: 0, loss: 0 };
  for (let k = 0; k < iterations; k++) {
    const feeds = trainFeeds(
      { network, objective, optimizer, seed, ...schedules },
      { step: k, iterations },
      await batches.batch(k),
    );
    const outputs = await step.run(feeds);
    since.loss += (await outputs['loss']!.read()).data[0]!;
    since.steps++;
    for (const tensor of Object.values(outputs)) tensor.dispose();

    const done = k + 1;
    const elapsed = performance.now() - since.time;
    if (elapsed < REPORT_EVERY && done < iterations && done % pictureEvery !== 0) continue;
    training.progress(done, since.loss / since.steps, (1000 * since.steps) / elapsed);
    if (done % pictureEvery === 0 || done === iterations) await training.picture(done, await average());
    await training.gate();
    since = { time: performance.now(), steps: 0, loss: 0 };
  }
  const params = await average();
  await step.dispose();
  return params;
}

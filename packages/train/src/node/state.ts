import { velocityField, type Model } from '@flowmap/core';
import type { Executable } from '@flowmap/tensor';
import { prefixed, withPrefix } from '../internal/names.js';
import { initialState } from '../train-feeds.js';
import { trainStep } from '../train-step.js';
import type { Checkpoint } from './checkpoints.js';
import type { TrainSetup } from './setup.js';

/** Compiles a run's step and sets its state to that of a checkpoint, or to the start. */
export async function compileStep(setup: TrainSetup, from: Checkpoint | undefined): Promise<Executable> {
  const { network, objective, optimizer, batchSize, initialParams } = setup;
  const teacher = setup.teacher && velocityField(setup.teacher);
  const program = trainStep({
    ...{ network, objective, optimizer, batchSize, clipGradient: setup.maxGradientNorm !== undefined },
    ...(teacher ? { teacher } : {}),
  });
  const executable = await setup.runtime.compile(program);
  try {
    await executable.writeState(initialState(optimizer, initialParams, teacher));
    if (from) {
      const { model, ema, optimizer: slots } = from;
      await executable.writeState({
        ...withPrefix('params', model.params),
        ...withPrefix('ema', ema.params),
        ...slots,
      });
    }
    return executable;
  } catch (error) {
    await executable.dispose();
    throw error;
  }
}

/** Copies the state of a step to the host, as a checkpoint. */
export async function snapshot(
  setup: TrainSetup,
  executable: Executable,
  step: number,
  seconds: number,
): Promise<Checkpoint> {
  const { kind, network, data, objective, iterations, batchSize, seed } = setup;
  const trained = Object.keys(executable.program.updates);
  const state = await executable.readState(trained);
  const params = prefixed('params', state);
  const ema = prefixed('ema', state);
  const classes = network.config.classes > 0 ? data.classes : [];
  const training = { objective: objective.name, data: data.name, iterations, batchSize, seed, step };
  const model: Model = { kind, network, params, classes, training };
  const slots = Object.entries(state).filter(([name]) => !name.startsWith('params.') && !name.startsWith('ema.'));
  return { step, seconds, model, ema: { ...model, params: ema }, optimizer: Object.fromEntries(slots) };
}

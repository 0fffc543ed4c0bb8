import { classCount, velocityField, type Model } from '@flowmap/core';
import { stackHostTensors, type DeviceTensor, type Executable, type HostTensors } from '@flowmap/tensor';
import { prefixed, withPrefix } from '../internal/names.js';
import { initialState } from '../train-feeds.js';
import { trainStep } from '../train-step.js';
import type { Checkpoint } from './checkpoints.js';
import type { TrainSetup } from './setup.js';

/** A run's training step, compiled, with its state. */
export interface Steps {
  /**
   * Takes one step after the other.
   *
   * @param feeds inputs of each step
   * @returns the outputs of each step, which are scalars
   */
  take(feeds: readonly HostTensors[]): Promise<Record<string, number>[]>;
  /** Copies what training has changed to the host, as a checkpoint. */
  snapshot(step: number, seconds: number): Promise<Checkpoint>;
  dispose(): Promise<void>;
}

/** Compiles a run's step, `stepsPerRun` to a call or as many as are left, and sets its state to that of a checkpoint, or to the start. */
export async function compileSteps(setup: TrainSetup, from: Checkpoint | undefined): Promise<Steps> {
  const { network, objective, optimizer, batchSize, initialParams } = setup;
  const teacher = setup.teacher && velocityField(setup.teacher);
  const program = trainStep({
    ...{ network, objective, optimizer, batchSize, clipGradient: setup.maxGradientNorm !== undefined },
    flushDenormals: setup.runtime.flushesDenormals !== true,
    ...(teacher ? { teacher } : {}),
  });
  const compile = async (stepsPerRun: number, state: HostTensors): Promise<Executable> => {
    const executable = await setup.runtime.compile(program, { stepsPerRun });
    try {
      await executable.writeState(state);
      return executable;
    } catch (error) {
      await executable.dispose();
      throw error;
    }
  };
  const left = setup.iterations - (from?.step ?? 0);
  let stepsPerRun = Math.max(1, Math.min(setup.stepsPerRun, left));
  let executable = await compile(stepsPerRun, {
    ...initialState(optimizer, initialParams, teacher),
    ...(from ? stateOf(from) : {}),
  });
  return {
    async take(feeds) {
      if (feeds.length !== stepsPerRun) {
        // The steps that remain at the end are compiled for their number.
        const state = await executable.readState();
        await executable.dispose();
        stepsPerRun = feeds.length;
        executable = await compile(stepsPerRun, state);
      }
      return rowsOf(await executable.run(stepsPerRun === 1 ? feeds[0]! : stacked(feeds)), stepsPerRun);
    },
    async snapshot(step, seconds) {
      return checkpointOf(setup, await executable.readState(Object.keys(program.updates)), step, seconds);
    },
    dispose: () => executable.dispose(),
  };
}

function stacked(feeds: readonly HostTensors[]): HostTensors {
  const names = Object.keys(feeds[0]!);
  return Object.fromEntries(names.map((name) => [name, stackHostTensors(feeds.map((inputs) => inputs[name]!))]));
}

/** Values of the outputs, which are few and small, step by step; their device memory is released. */
async function rowsOf(
  outputs: Readonly<Record<string, DeviceTensor>>,
  steps: number,
): Promise<Record<string, number>[]> {
  const rows = Array.from({ length: steps }, (): Record<string, number> => ({}));
  for (const [name, tensor] of Object.entries(outputs)) {
    const { data } = await tensor.read();
    tensor.dispose();
    rows.forEach((row, i) => (row[name] = data[i]!));
  }
  return rows;
}

function stateOf({ model, ema, optimizer }: Checkpoint): HostTensors {
  return { ...withPrefix('params', model.params), ...withPrefix('ema', ema.params), ...optimizer };
}

function checkpointOf(setup: TrainSetup, state: HostTensors, step: number, seconds: number): Checkpoint {
  const { kind, network, data, objective, iterations, batchSize, seed } = setup;
  const params = prefixed('params', state);
  const ema = prefixed('ema', state);
  const classes = classCount(network) > 0 ? data.classes : [];
  const training = { objective: objective.name, data: data.name, iterations, batchSize, seed, step };
  const model: Model = { kind, network, params, classes, training };
  const slots = Object.entries(state).filter(([name]) => !name.startsWith('params.') && !name.startsWith('ema.'));
  return { step, seconds, model, ema: { ...model, params: ema }, optimizer: Object.fromEntries(slots) };
}

import { requireConditions } from '@flowmap/core';
import type { Batch, Network, Objective, Progress, VelocityField } from '@flowmap/core';
import { hostTensor, hostZeros, normalBatch, sizeOf, type HostTensor, type HostTensors } from '@flowmap/tensor';
import { withPrefix } from './internal/names.js';
import type { Optimizer } from './optimizer.js';
import type { Schedule } from './schedules.js';

/** What decides the inputs of a training step besides its data. */
export interface TrainFeedsOptions {
  readonly network: Network;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  readonly learningRate: Schedule;
  readonly emaDecay: Schedule;
  /** Largest norm of the gradient, for a step with `clipGradient`. */
  readonly maxGradientNorm?: number | undefined;
  /** Decides noise and times, together with the step. */
  readonly seed: number;
}

/**
 * The inputs of one run of a {@link trainStep}: the batch, fresh noise and times, and the step's scalars. They depend on the
 * seed and the step alone, so a resumed run sees what an uninterrupted one would have seen.
 *
 * @param progress the step, from 0, and the number of iterations
 * @param batch as many samples as the step takes
 * @throws {ConfigError} when a condition of the network is missing from the batch, or a value of it is none that it may have
 */
export function trainFeeds(options: TrainFeedsOptions, progress: Progress, batch: Batch): HostTensors {
  const { network, objective, optimizer, learningRate, emaDecay, maxGradientNorm, seed } = options;
  const { step } = progress;
  const count = batch.x.length / sizeOf(network.config.shape);
  const shape = [count, ...network.config.shape];
  const conditions = requireConditions('batch.conditions', network.conditions, batch.conditions, count);
  const { t, s } = objective.draw({ seed, step }, count);
  const scheduled = Object.entries(objective.schedules).map(([name, schedule]) => [name, schedule(progress)] as const);
  return {
    x0: hostTensor(shape, batch.x),
    noise: hostTensor(shape, normalBatch({ seed, purpose: 'noise', step }, shape)),
    t: hostTensor([count], t),
    s: hostTensor([count], s),
    ...withPrefix('conditions', conditions),
    emaDecay: scalar(emaDecay(progress)),
    ...(maxGradientNorm === undefined ? {} : { maxGradientNorm: scalar(maxGradientNorm) }),
    ...withPrefix('schedules', scalarsOf(scheduled)),
    ...withPrefix('optimizer', scalarsOf(Object.entries(optimizer.scalars(learningRate(progress), step)))),
  };
}

/**
 * State of a {@link trainStep} before its first run: the average of the weights starts at the weights, slots at zero.
 *
 * @param params initial weights
 * @param teacher the step's teacher, for an objective that needs one
 */
export function initialState(optimizer: Optimizer, params: HostTensors, teacher?: VelocityField): HostTensors {
  const zeros = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, zerosLike(value)]));
  return {
    ...withPrefix('params', params),
    ...withPrefix('ema', params),
    ...(Object.assign({}, ...optimizer.slots.map((slot) => withPrefix(slot, zeros))) as HostTensors),
    ...withPrefix('teacher', teacher?.parameters ?? {}),
  };
}

function zerosLike({ shape, dtype }: HostTensor): HostTensor {
  return hostZeros({ shape, dtype });
}

function scalarsOf(values: readonly (readonly [string, number])[]): Record<string, HostTensor> {
  return Object.fromEntries(values.map(([name, value]) => [name, scalar(value)]));
}

/** As a double: a runtime rounds it to its precision. */
function scalar(value: number): HostTensor {
  return hostTensor([], Float64Array.of(value));
}

import {
  ConfigError,
  uniformGrid,
  type Callback,
  type LogRecord,
  type Moment,
  type SampleArguments,
} from '@flowmap/core';
import { requireKnownOptions, requireWhole, type HostTensor } from '@flowmap/tensor';

/** Options of {@link evaluation}. */
export type EvaluationOptions = Omit<Parameters<Moment['sampler']>[0], 'stepsPerCall'> &
  Omit<SampleArguments, 'times'> & {
    /** Name of the quantity in records: `distance` becomes `distance.4` for four steps. */
    readonly name: string;
    /** Training steps between evaluations; there is also one after the last step. */
    readonly every: number;
    /** Sampling step counts to measure, each at least 1. */
    readonly steps: readonly number[];
    /** Computes the quantity from samples, which have the shape of the noise. */
    readonly metric: (samples: HostTensor) => Promise<number> | number;
    /** Keeps the model with the lowest value at this step count under this name; no model is kept unless given. */
    readonly keepBest?: { readonly name: string; readonly steps: number };
  };

/**
 * Evaluates a model in training by its samples at chosen step counts, from the same noise each time, and adds the
 * values to the record; `average: 'ema'` evaluates the average. The sampler reads the live parameters, so no copy of
 * them is made. Place it before the callback that logs.
 *
 * The best value so far is taken from the log, so if every evaluation is logged, a resumed run keeps the same model as
 * an uninterrupted one.
 *
 * @throws {ConfigError} for invalid step counts or, when it runs, for a metric that is not a finite number
 *
 * @example
 * const metric = (samples: HostTensor) => slicedWasserstein(features(samples), held).value;
 * const callback = evaluation({ name: 'distance', metric, every: 500, steps: [1, 2, 4], batchSize: 64, noise });
 */
export function evaluation(options: EvaluationOptions): Callback {
  requireKnownOptions('evaluation', options, {
    sampler: true,
    batchSize: true,
    trainee: true,
    average: true,
    noise: true,
    conditions: true,
    seed: true,
    firstSample: true,
    name: true,
    every: true,
    steps: true,
    metric: true,
    keepBest: true,
  });
  const { name, every, steps, metric, keepBest, trainee, average, batchSize, sampler: method, ...drawn } = options;
  requireWhole('evaluation.every', every);
  if (steps.length === 0) throw new ConfigError('evaluation.steps', 'wanted at least one number of steps, got none');
  for (const count of steps) requireWhole('evaluation.steps', count);
  if (keepBest && !steps.includes(keepBest.steps)) {
    throw new ConfigError('evaluation.keepBest', `wanted one of the steps ${steps.join(', ')}, got ${keepBest.steps}`);
  }
  const sampling = { batchSize, ...(method === undefined ? {} : { sampler: method }) };
  const which = { ...(trainee === undefined ? {} : { trainee }), ...(average === undefined ? {} : { average }) };
  let lowest = Infinity;
  return {
    name: `evaluation of ${name}`,
    every,
    async run(moment) {
      const sampler = await moment.sampler({ ...which, ...sampling });
      const values: Record<string, number> = {};
      for (const count of steps) {
        const value = await metric(await sampler.sample({ ...drawn, times: uniformGrid(count) }));
        if (!Number.isFinite(value)) {
          throw new ConfigError('evaluation.metric', `wanted a finite number at ${count} steps, got ${value}`);
        }
        values[`${name}.${count}`] = value;
      }
      moment.add(values);
      if (!keepBest) return;
      const quantity = `${name}.${keepBest.steps}`;
      lowest = Math.min(lowest, lowestBefore(moment.records, quantity, moment.step));
      if (values[quantity]! >= lowest) return;
      lowest = values[quantity]!;
      await moment.keep(keepBest.name, await moment.model(which));
    },
  };
}

function lowestBefore(records: readonly LogRecord[], quantity: string, step: number): number {
  const before = records.filter((record) => record.step < step).flatMap(({ [quantity]: value }) => value ?? []);
  return before.reduce((lowest, value) => Math.min(lowest, value), Infinity);
}

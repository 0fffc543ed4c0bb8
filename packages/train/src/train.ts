import { ConfigError, withPrefix } from '@flowmap/core';
import type { LogRecord, Model, Phase, TrainedParameters } from '@flowmap/core';
import { requireKnownOptions, requireWhole, RuntimeUnavailableError, type HostTensors } from '@flowmap/tensor';
import { NonFiniteError, RuntimeLostError } from './errors.js';
import { faultIn } from './internal/finite.js';
import { fixedStates } from './internal/groups.js';
import { momentsOf } from './internal/moments.js';
import { openSteps, stepFeeds, type StepFeeds, type StepResults } from './internal/steps.js';
import { otherEvents } from './internal/turn.js';
import { memoryStore, type RunStore } from './run-store.js';
import type { TrainingOptions } from './training-options.js';
import { initialState, modelIn, onlyModel } from './trainee.js';

/** Result of a training. */
export interface Training {
  /** False if it was aborted and can be resumed. */
  readonly completed: boolean;
  /** Steps taken so far, including those before a resumption. */
  readonly step: number;
  readonly records: readonly LogRecord[];
  /** A trained model: the one named, or the only one among the trainees. */
  model(which?: TrainedParameters): Model;
}

/**
 * Trains step by step, running the phases of each step in turn, with callbacks between steps. It runs wherever its
 * runtime does, including in a browser, and reads only what callbacks ask for from the device.
 *
 * Training resumes from its store's checkpoint. On the same machine, runtime and thread count, and with the same
 * `stepsPerRun`, the results are the same to the bit as if it had never stopped.
 *
 * @throws {ConfigError} for options that are invalid or do not fit one another, before the first step
 * @throws {ScheduleError} when a schedule gives a NaN or an infinity, before the step is taken
 * @throws {NonFiniteError} when a quantity that is read, or a state that is saved, is NaN or infinite; earlier
 *   checkpoints stay intact
 * @throws {OpaqueFieldError} when an opaque field fails, or answers with something other than velocities
 * @throws {RuntimeLostError} when the runtime fails during training; the same call resumes from the checkpoint that the
 *   error names
 */
export async function train(options: TrainingOptions): Promise<Training> {
  requireKnownOptions('train', options, {
    runtime: true,
    trainees: true,
    phases: true,
    batches: true,
    iterations: true,
    parts: true,
    stepsPerRun: true,
    callbacks: true,
    store: true,
    signal: true,
  });
  const { runtime, trainees, phases, batches, iterations, parts = 1, stepsPerRun = 1, callbacks = [] } = options;
  const { store = memoryStore(), signal } = options;
  requireSensible(options);
  requireStep(iterations, store);
  const done = store.from?.step ?? 0;
  const left = Math.max(1, iterations - done);
  const steps = await openSteps({ runtime, trainees, phases, parts, stepsPerRun: Math.min(stepsPerRun, left) });
  const clock = { before: store.from?.seconds ?? 0, since: performance.now() };
  const seconds = (): number => clock.before + (performance.now() - clock.since) / 1000;
  const start = { ...initialState(trainees, fixedIn(phases), { split: parts > 1 }), ...store.from?.state };
  const moments = momentsOf({ ...options, store, steps, fixed: fixedStates(trainees, start), seconds });

  const feedsFrom = (first: number): Promise<StepFeeds[]> | undefined => {
    if (first >= iterations) return undefined;
    const count = Math.min(stepsPerRun, iterations - first);
    const feedsOf = async (step: number): Promise<StepFeeds> =>
      stepFeeds(phases, trainees, { step, iterations }, await batches.batch(step), moments.place);
    const feeds = Promise.all(Array.from({ length: count }, (_, i) => feedsOf(first + i)));
    feeds.catch(() => undefined); // reported when awaited
    return feeds;
  };

  let results: StepResults | undefined;
  let last: { readonly step: number; readonly feeds: readonly StepFeeds[] } | undefined;
  const takeSteps = async (): Promise<{ step: number; completed: boolean }> => {
    let step = done;
    let stopped = step >= iterations;
    let next = feedsFrom(step);
    while (next !== undefined && !stopped) {
      await otherEvents();
      if (signal?.aborted === true) return { step, completed: false };
      const feeds = await next;
      const since = seconds();
      last = { step, feeds };
      const running = steps.take(feeds);
      running.catch(() => undefined); // reported when awaited
      // The next data and noise are prepared while these steps, already started, run.
      await otherEvents();
      next = feedsFrom(step + feeds.length);
      results?.release();
      results = undefined;
      results = await running;
      stopped = await moments.after(results, { first: step, count: feeds.length, start: since });
      step += feeds.length;
    }
    return { step, completed: true };
  };

  /** Releases everything; the trained state is intact even if that fails. */
  const end = async (): Promise<void> => {
    results?.release();
    const closing = callbacks.map(async (callback) => callback.close?.());
    await Promise.allSettled(closing);
    await Promise.allSettled([moments.dispose()]);
    await Promise.allSettled([steps.dispose()]);
    await Promise.all(closing);
  };

  let training: Training;
  try {
    for (const callback of callbacks) await callback.prepare?.(moments.preparation);
    await store.begin?.();
    await steps.write(start);
    const { step, completed } = await takeSteps();
    const state: HostTensors = { ...initialState(trainees), ...(await moments.finish(step, completed)) };
    training = {
      completed,
      step,
      records: store.records,
      model: ({ trainee, average } = {}) => modelIn(state, trainees, trainee ?? onlyModel(trainees), average),
    };
  } catch (error) {
    await end().catch(() => undefined); // the first failure is the cause to report
    if (error instanceof NonFiniteError && last !== undefined) throw await withBatch(error, last, store);
    throw error instanceof RuntimeUnavailableError ? new RuntimeLostError(error, moments.step, moments.place) : error;
  }
  await end();
  return training;
}

/** The error, with the inputs of its step, which are examined and kept. */
async function withBatch(
  { quantity, value, step, checkpoint }: NonFiniteError,
  last: { readonly step: number; readonly feeds: readonly StepFeeds[] },
  store: RunStore,
): Promise<NonFiniteError> {
  const feeds = last.feeds[step - 1 - last.step];
  if (feeds === undefined) return new NonFiniteError(quantity, value, step, checkpoint);
  const inputs: HostTensors = Object.assign(
    {},
    ...Object.entries(feeds).map(([phase, { loss, update }]) => withPrefix(phase, { ...loss, ...update })),
  ) as HostTensors;
  // The number that is not finite is the error to report.
  const place = await store.keepInputs?.(step, inputs).catch(() => undefined);
  return new NonFiniteError(quantity, value, step, checkpoint, { fault: faultIn(inputs), place });
}

function requireStep(iterations: number, { from, place }: RunStore): void {
  if (from === undefined || from.step <= iterations) return;
  throw new ConfigError(
    'iterations',
    `wanted at least ${from.step}, the steps of ${place ?? 'the checkpoint'}, got ${iterations}`,
  );
}

/** The groups of fixed parameters of all phases. */
function fixedIn(phases: readonly Phase[]): Record<string, HostTensors> {
  return Object.assign({}, ...phases.map(({ fixed }) => fixed ?? {})) as Record<string, HostTensors>;
}

function requireSensible(options: TrainingOptions): void {
  const { phases, batches, iterations, parts = 1, stepsPerRun = 1, callbacks = [] } = options;
  for (const [option, value] of Object.entries({ iterations, parts, stepsPerRun })) requireWhole(option, value);
  if (phases.length === 0) throw new ConfigError('phases', 'wanted at least one phase, got none');
  const names = phases.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ConfigError('phases', `the name '${twice}' is used twice; give each its own`);
  for (const { name, every = 1 } of phases) requireWhole(`phase '${name}', every`, every);
  for (const { name, batchSize } of phases) {
    if (batchSize === undefined || batchSize * parts === batches.batchSize) continue;
    const each =
      parts === 1 ? `as phase '${name}' takes` : `${parts} parts of the ${batchSize} that phase '${name}' takes`;
    const wanted = `wanted batches of ${batchSize * parts} samples, ${each}`;
    throw new ConfigError('batches', `${wanted}; got ${batches.batchSize}`);
  }
  const [first] = phases;
  if ((first!.every ?? 1) > 1) throw new ConfigError('phases', `the first phase, '${first!.name}', runs in every step`);
  for (const [group, values] of phases.flatMap(({ fixed }) => Object.entries(fixed ?? {}))) {
    if (phases.some(({ fixed }) => fixed?.[group] !== undefined && fixed[group] !== values)) {
      throw new ConfigError('phases', `two phases have different fixed parameters '${group}'; give each its own name`);
    }
  }
  for (const { name, every } of callbacks) {
    if (typeof every === 'number') requireWhole(`callback '${name}', every`, every);
  }
}

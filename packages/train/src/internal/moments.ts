import { compileLiveSampler, ConfigError } from '@flowmap/core';
import type { Batch, Callback, CompiledSampler, LogRecord, Moment, TrainedParameters } from '@flowmap/core';
import type { Executable, HostTensors } from '@flowmap/tensor';
import { lossPrograms } from '../phase-programs.js';
import type { RunStore } from '../run-store.js';
import type { TrainingOptions } from '../training-options.js';
import { modelIn, onlyModel } from '../trainee.js';
import { requireFinite, requireFiniteState } from './finite.js';
import { stateName } from './groups.js';
import { withPrefix } from './names.js';
import { answersTo, openQuestions, type Quantities, type StepResults, type Steps } from './steps.js';

interface MomentsOptions extends TrainingOptions {
  readonly store: RunStore;
  readonly steps: Steps;
  /** Time trained so far. */
  readonly seconds: () => number;
}

/** What happens between the steps of a training. */
export interface Moments {
  /** Steps taken. */
  readonly step: number;
  /** The last checkpoint, for messages; undefined when there is none. */
  readonly place: string | undefined;
  /**
   * Runs the callbacks that are due after one run of steps.
   *
   * @returns whether one of them stops the training
   */
  after(
    results: StepResults,
    run: { readonly first: number; readonly count: number; readonly start: number },
  ): Promise<boolean>;
  /** Saves the last checkpoint, and ends a training that is completed. */
  finish(step: number, completed: boolean): Promise<HostTensors>;
}

type LossOf = (batch: Batch, index: number) => Promise<Quantities>;

export function momentsOf(options: MomentsOptions): Moments {
  const { trainees, phases, runtime, batches, iterations, callbacks = [], store, steps, seconds } = options;
  let taken = store.from?.step ?? 0;
  let place = store.place;
  let saved: { readonly step: number; readonly state: HostTensors } | undefined;
  let logged = { step: taken, seconds: seconds() };
  let isSaveDue = false;
  let isStopped = false;
  const samplers = new Map<string, Promise<CompiledSampler>>();
  const losses = new Map<string, Promise<LossOf>>();

  const dueAt = (step: number): Callback[] =>
    callbacks.filter(({ every }) => typeof every === 'number' && (step % every === 0 || step === iterations));

  const momentAt = (step: number, time: number, quantities: () => Promise<Record<string, Quantities>>): Moment => {
    const added: Record<string, number> = {};
    let read: Promise<LogRecord> | undefined;
    const recordNow = async (): Promise<LogRecord> => {
      const progress = { step: step - 1, iterations };
      const values = Object.entries(await quantities()).map(([name, values]) => {
        requireFinite(values, step, place);
        const phase = phases.find((other) => other.name === name)!;
        const { loss = NaN, gradientNorm = NaN, ...metrics } = values;
        const learningRate = trainees[phase.trains]!.learningRate(progress);
        const all = { loss, ...metrics, gradientNorm, learningRate, ...phase.scalars?.(progress) };
        return phases.length === 1 ? all : withPrefix(name, all);
      });
      const imagesPerSecond = ((step - logged.step) * batches.batchSize) / (time - logged.seconds);
      logged = { step, seconds: time };
      return Object.assign({ step }, ...values, { imagesPerSecond, seconds: time }) as LogRecord;
    };
    const record = async (): Promise<LogRecord> => ({ ...(await (read ??= recordNow())), ...added });
    return {
      step,
      iterations,
      seconds: time,
      records: store.records,
      record,
      add: (values) => void Object.assign(added, values),
      log: async () => store.append(await record()),
      model: modelNow,
      sampler: ({ trainee = onlyModel(trainees), average, ...sampling }) => {
        const { sampler, batchSize, stepsPerCall } = sampling;
        const key = JSON.stringify([trainee, average, sampler?.name, sampler?.config, batchSize, stepsPerCall]);
        const made = samplers.get(key) ?? openSampler(trainee, average, sampling);
        samplers.set(key, made);
        return made;
      },
      async loss(phase, batch, index, average) {
        const key = JSON.stringify([phase, average]);
        const made = losses.get(key) ?? openLoss(phase, average);
        losses.set(key, made);
        return (await made)(batch, index);
      },
      compile: (program) => steps.compile(program),
      save: () => {
        isSaveDue = true;
      },
      stop: () => {
        isStopped = true;
      },
      keep: (name, model) => store.keep(name, model),
    };
  };

  async function modelNow({ trainee = onlyModel(trainees), average }: TrainedParameters = {}) {
    const names = steps.changing.filter((name) => name.startsWith(`${trainee}.`));
    const initial = withPrefix(`${trainee}.params`, trainees[trainee]?.initial ?? {});
    return modelIn({ ...initial, ...(await steps.read(names)) }, trainees, trainee, average);
  }

  async function openSampler(
    trainee: string,
    average: string | undefined,
    sampling: Omit<Parameters<Moment['sampler']>[0], keyof TrainedParameters>,
  ): Promise<CompiledSampler> {
    const { model, parameters } = trainees[trainee] ?? {};
    if (model === undefined) throw new ConfigError('sampler.trainee', `'${trainee}' is no model of this training`);
    const stateOf = (name: string): string =>
      stateName(trainee, parameters?.[name]?.fixed === true ? 'params' : (average ?? 'params'), name);
    const sharing = Object.keys(model.network.parameters).map((name) => steps.holderOf(stateOf(name)))[0];
    if (sharing === undefined) throw new ConfigError('sampler.average', `'${trainee}' has no average '${average}'`);
    return compileLiveSampler(runtime, model, { ...sampling, sharing, stateOf });
  }

  async function openLoss(name: string, average: string | undefined): Promise<LossOf> {
    const phase = phases.find((other) => other.name === name);
    if (phase === undefined) {
      const known = phases.map((other) => other.name).join(', ');
      throw new ConfigError('loss.phase', `there is no phase '${name}'; there are: ${known}`);
    }
    const programs = lossPrograms(phase, trainees, average);
    const questions = await openQuestions(steps, programs.questions);
    const executable = await steps.compile(programs.loss);
    return async (batch, index) => {
      const feeds = phase.feeds({ step: iterations + index, iterations }, batch);
      return scalarsAfter(executable, { ...feeds, ...(await answersTo(questions, phase.opaque, feeds)) });
    };
  }

  const save = async (step: number): Promise<HostTensors> => {
    isSaveDue = false;
    if (saved?.step === step) return saved.state;
    const state = await steps.read(steps.changing);
    requireFiniteState(state, step, place);
    place = await store.save({ step, seconds: seconds(), state });
    saved = { step, state };
    return state;
  };

  const run = async (due: readonly Callback[], moment: Moment): Promise<void> => {
    for (const callback of due) await callback.run(moment);
  };
  const called = (every: 'checkpoint' | 'end'): Callback[] => callbacks.filter((callback) => callback.every === every);

  let last: Moment = momentAt(taken, seconds(), () => Promise.resolve({}));
  return {
    get step() {
      return taken;
    },
    get place() {
      return place;
    },
    async after(results, { first, count, start }) {
      const each = (seconds() - start) / count;
      taken = first + count;
      let rows: Promise<Record<string, Quantities>[]> | undefined;
      for (let i = 0; i < count && !isStopped; i++) {
        last = momentAt(first + i + 1, start + each * (i + 1), async () => (await (rows ??= results.read()))[i]!);
        await run(dueAt(last.step), last);
      }
      if (isSaveDue && !isStopped && taken < iterations) {
        await save(taken);
        await run(called('checkpoint'), last);
      }
      return isStopped;
    },
    async finish(step, completed) {
      const isNew = saved?.step !== step;
      const state = await save(step);
      if (isNew) await run(called('checkpoint'), last);
      if (completed) await run(called('end'), last);
      return state;
    },
  };
}

async function scalarsAfter(executable: Executable, feeds: HostTensors): Promise<Quantities> {
  const values: Quantities = {};
  for (const [name, tensor] of Object.entries(await executable.run(feeds))) {
    values[name] = (await tensor.read()).data[0]!;
    tensor.dispose();
  }
  return values;
}

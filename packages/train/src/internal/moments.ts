import { compileLiveSampler, ConfigError, withPrefix } from '@flowmap/core';
import type { Batch, Callback, CompiledSampler, LogRecord, Moment, MomentSamplerOptions } from '@flowmap/core';
import type { Preparation, TrainedParameters } from '@flowmap/core';
import type { HostTensors } from '@flowmap/tensor';
import { lossPrograms } from '../phase-programs.js';
import type { RunStore } from '../run-store.js';
import type { TrainingOptions } from '../training-options.js';
import { modelIn, onlyModel } from '../trainee.js';
import { requireFinite, requireFiniteState } from './finite.js';
import { stateName } from './groups.js';
import { partOf } from './host.js';
import { lossValues } from './losses.js';
import { openQuestions, type Quantities, type StepResults, type Steps } from './steps.js';

interface MomentsOptions extends TrainingOptions {
  readonly store: RunStore;
  readonly steps: Steps;
  /** The trainees' fixed parameters, which no step changes but every checkpoint contains. */
  readonly fixed: HostTensors;
  /** Time trained so far. */
  readonly seconds: () => number;
}

/** What happens between the steps of a training. */
export interface Moments {
  /** Steps taken. */
  readonly step: number;
  /** The last checkpoint, for messages; undefined if there is none. */
  readonly place: string | undefined;
  /** Lets callbacks check and compile what they need before the first step. */
  readonly preparation: Preparation;
  /**
   * Runs the callbacks that are due after a run of steps.
   *
   * @returns whether one of them stops the training
   */
  after(
    results: StepResults,
    run: { readonly first: number; readonly count: number; readonly start: number },
  ): Promise<boolean>;
  /** Saves the last checkpoint and ends a completed training. */
  finish(step: number, completed: boolean): Promise<HostTensors>;
  /** Releases what callbacks have created; their moments are no longer valid. */
  dispose(): Promise<void>;
}

type LossOf = (batch: Batch, index: number) => Promise<Quantities>;

export function momentsOf(options: MomentsOptions): Moments {
  const { trainees, phases, runtime, batches, iterations, parts = 1, callbacks = [] } = options;
  const { store, steps, fixed, seconds } = options;
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

  const momentAt = (
    step: number,
    { time, modelStep }: { readonly time: number; readonly modelStep: number },
    quantities: () => Promise<Record<string, Quantities>>,
  ): Moment => {
    const added: Record<string, number> = {};
    let read: Promise<LogRecord> | undefined;
    const recordNow = async (): Promise<LogRecord> => {
      const progress = { step: step - 1, iterations };
      const values = Object.entries(await quantities()).map(([name, values]) => {
        const phase = phases.find((other) => other.name === name)!;
        const { loss = NaN, gradientNorm = NaN, ...metrics } = values;
        const learningRate = trainees[phase.trains]!.learningRate(progress);
        const all = { loss, ...metrics, gradientNorm, learningRate, ...phase.scalars?.(progress) };
        const named = (quantities: Quantities): Quantities =>
          phases.length === 1 ? quantities : withPrefix(name, quantities);
        requireFinite(named(values), step, place);
        return named(all);
      });
      const imagesPerSecond = ((step - logged.step) * batches.batchSize) / (time - logged.seconds);
      logged = { step, seconds: time };
      return Object.assign({ step }, ...values, { imagesPerSecond, seconds: time }) as LogRecord;
    };
    const requireNow = (): void => {
      if (moment === current) return;
      throw new ConfigError('moment', `wanted to be used until its callback has settled; step ${step} is over`);
    };
    const record = async (): Promise<LogRecord> => {
      requireNow();
      return { ...(await (read ??= recordNow())), ...added };
    };
    const moment: Moment = {
      step,
      modelStep,
      iterations,
      seconds: time,
      records: store.records,
      record,
      add(quantities) {
        requireNow();
        const twice = Object.keys(quantities).find((name) => Object.hasOwn(added, name));
        if (twice !== undefined) {
          throw new ConfigError(
            'moment.add',
            `wanted names of its own, got '${twice}', which another callback has added`,
          );
        }
        Object.assign(added, quantities);
      },
      log: async () => store.append(await record()),
      async model({ trainee = onlyModel(trainees), average } = {}) {
        requireNow();
        const part = `${trainee}.${average ?? 'params'}.`;
        const names = steps.changing.filter((name) => name.startsWith(part));
        const initial = withPrefix(`${trainee}.params`, trainees[trainee]?.initial ?? {});
        return modelIn({ ...initial, ...fixed, ...(await steps.read(names)) }, trainees, trainee, average);
      },
      async sampler(wanted) {
        requireNow();
        return samplerOf(wanted);
      },
      async loss(phase, batch, index, average) {
        requireNow();
        return (await lossOf(phase, average))(batch, index);
      },
      async compile(program) {
        requireNow();
        return steps.compile(program);
      },
      save() {
        requireNow();
        isSaveDue = true;
      },
      stop() {
        requireNow();
        isStopped = true;
      },
      keep: (name, model) => store.keep(name, model),
    };
    return moment;
  };

  function samplerOf({ trainee = onlyModel(trainees), average, ...sampling }: MomentSamplerOptions) {
    const { sampler, batchSize, stepsPerCall } = sampling;
    const key = JSON.stringify([trainee, average, sampler?.name, sampler?.config, batchSize, stepsPerCall]);
    const made = samplers.get(key) ?? openSampler({ trainee, average }, sampling);
    samplers.set(key, made);
    return made;
  }

  async function openSampler(
    { trainee, average }: { readonly trainee: string; readonly average: string | undefined },
    sampling: Omit<MomentSamplerOptions, keyof TrainedParameters>,
  ): Promise<CompiledSampler> {
    const { model, parameters, averages } = trainees[trainee] ?? {};
    if (model === undefined) throw new ConfigError('sampler.trainee', `'${trainee}' is no model of this training`);
    if (average !== undefined && !Object.hasOwn(averages!, average)) {
      const known = Object.keys(averages!).join(', ') || 'none';
      throw new ConfigError('sampler.average', `'${trainee}' has no average '${average}'; it has: ${known}`);
    }
    const stateOf = (name: string): string =>
      stateName(trainee, parameters![name]?.fixed === true ? 'params' : (average ?? 'params'), name);
    const sharing = steps.holderOf(Object.keys(model.network.parameters).map(stateOf));
    if (sharing === undefined) throw new ConfigError('sampler.trainee', `no phase trains '${trainee}'`);
    return compileLiveSampler(runtime, model, { ...sampling, sharing, stateOf });
  }

  function lossOf(phase: string, average: string | undefined): Promise<LossOf> {
    const key = JSON.stringify([phase, average]);
    const made = losses.get(key) ?? openLoss(phase, average);
    losses.set(key, made);
    return made;
  }

  async function openLoss(name: string, average: string | undefined): Promise<LossOf> {
    const phase = phases.find((other) => other.name === name);
    if (phase === undefined) {
      const known = phases.map((other) => other.name).join(', ');
      throw new ConfigError('loss.phase', `there is no phase '${name}'; there are: ${known}`);
    }
    const programs = lossPrograms(phase, trainees, average);
    const questions = await openQuestions(steps, programs.questions);
    const compiled = { phase, questions, executable: await steps.compile(programs.loss) };
    const asked = Object.assign({}, ...questions.map(({ program }) => program.inputs)) as typeof programs.loss.inputs;
    const needed = Object.entries({ ...asked, ...programs.loss.inputs }).filter(([input]) => input in phase.inputs);
    const specs = Object.fromEntries(needed);
    return async (batch, index) => {
      const feeds = phase.feeds({ step: iterations + index, iterations }, batch);
      const means: Quantities = {};
      for (let part = 0; part < parts; part++) {
        const rows = partOf(feeds, specs, { part, parts });
        for (const [quantity, value] of Object.entries(await lossValues(compiled, rows))) {
          means[quantity] = (means[quantity] ?? 0) + value / parts;
        }
      }
      return means;
    };
  }

  const save = async (step: number): Promise<HostTensors> => {
    isSaveDue = false;
    if (saved?.step === step) return saved.state;
    const state = { ...fixed, ...(await steps.read(steps.changing)) };
    requireFiniteState(state, step, place);
    place = await store.save({ step, seconds: seconds(), state });
    saved = { step, state };
    return state;
  };

  const run = async (due: readonly Callback[], moment: Moment): Promise<void> => {
    current = moment;
    for (const callback of due) await callback.run(moment);
    current = undefined;
  };
  const called = (every: 'checkpoint' | 'end'): Callback[] => callbacks.filter((callback) => callback.every === every);

  let current: Moment | undefined;
  let last = momentAt(taken, { time: seconds(), modelStep: taken }, () => Promise.resolve({}));
  return {
    get step() {
      return taken;
    },
    get place() {
      return place;
    },
    preparation: {
      iterations,
      trainees,
      sampler: async (wanted) => samplerOf(wanted),
      async prepareLoss(phase, average) {
        await lossOf(phase, average);
      },
    },
    async after(results, { first, count, start }) {
      const each = (seconds() - start) / count;
      taken = first + count;
      let rows: Promise<Record<string, Quantities>[]> | undefined;
      for (let i = 0; i < count && !isStopped; i++) {
        const at = { time: start + each * (i + 1), modelStep: taken };
        last = momentAt(first + i + 1, at, async () => (await (rows ??= results.read()))[i]!);
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
    async dispose() {
      current = undefined;
      await Promise.allSettled([...samplers.values()].map(async (sampler) => (await sampler).dispose()));
    },
  };
}

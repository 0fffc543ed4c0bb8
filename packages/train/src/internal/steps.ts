import { ConfigError, type Batch, type OpaqueField, type Phase, type Progress, prefixed } from '@flowmap/core';
import {
  causeText,
  RuntimeUnavailableError,
  sameShape,
  specText,
  stackHostTensors,
  type DeviceTensor,
  type Executable,
  type HostTensor,
  type HostTensors,
  type Program,
  type Runtime,
  type TensorSpec,
} from '@flowmap/tensor';
import { OpaqueFieldError } from '../errors.js';
import { updateFeeds } from '../phase-feeds.js';
import { phasePrograms, type PhasePrograms, type Question } from '../phase-programs.js';
import { requireFiniteSchedules } from './finite.js';
import { partOf, scalar } from './host.js';
import type { Trainees } from './groups.js';

/** Options of {@link openSteps}: phases that share one state. */
export interface StepsOptions {
  readonly runtime: Runtime;
  readonly trainees: Trainees;
  readonly phases: readonly Phase[];
  /** Number of parts that a batch is split into, whose gradients are averaged. */
  readonly parts: number;
  /** Steps taken by one run of the compiled program. */
  readonly stepsPerRun: number;
}

/** Scalars of a phase's step by name. */
export type Quantities = Record<string, number>;

/** The results of some steps, on the device until read. */
export interface StepResults {
  /** The scalars of each step, by phase. */
  read(): Promise<Record<string, Quantities>[]>;
  release(): void;
}

/** Compiled phases with their state. */
export interface Steps {
  /** The states that steps change, except gradients, which are zero between steps. */
  readonly changing: readonly string[];
  /** Takes steps one after another. */
  take(feeds: readonly StepFeeds[]): Promise<StepResults>;
  write(state: HostTensors): Promise<void>;
  read(names: readonly string[]): Promise<Record<string, HostTensor>>;
  /** Compiles a program over the same states. */
  compile(program: Program): Promise<Executable>;
  /** An executable that holds all states of these names. */
  holderOf(states: readonly string[]): Executable | undefined;
  dispose(): Promise<void>;
}

/** Inputs of one step: those of the phases that are due, by the phase's name. */
export type StepFeeds = Readonly<Record<string, { readonly loss: HostTensors; readonly update: HostTensors }>>;

/**
 * Makes the inputs of the phases that are due in a step.
 *
 * @param checkpoint the last one, for messages
 * @throws {ScheduleError} for a schedule that is not finite
 */
export function stepFeeds(
  phases: readonly Phase[],
  trainees: Trainees,
  progress: Progress,
  batch: Batch,
  checkpoint: string | undefined,
): StepFeeds {
  const due = phases.filter(({ every = 1 }) => progress.step % every === 0);
  return Object.fromEntries(
    due.map((phase) => {
      requireFiniteSchedules(phase, trainees[phase.trains]!, progress, checkpoint);
      const update = updateFeeds(trainees[phase.trains]!, progress);
      return [phase.name, { loss: phase.feeds(progress, batch), update }];
    }),
  );
}

interface CompiledPhase {
  readonly phase: Phase;
  readonly questions: readonly CompiledQuestion[];
  readonly gradient: Executable | undefined;
  readonly update: Executable;
}

/** A question to an opaque field, ready to run. */
export interface CompiledQuestion extends Question {
  readonly executable: Executable;
}

/**
 * Compiles phases that share one state.
 *
 * @throws {ConfigError} for phases that do not fit the trainees, or for several steps per run when a step takes more
 *   than one program
 */
export async function openSteps(options: StepsOptions): Promise<Steps> {
  const { runtime, trainees, phases, parts } = options;
  const flushDenormals = runtime.flushesDenormals !== true;
  const programs = phases.map((phase) => phasePrograms(phase, trainees, { split: parts > 1, flushDenormals }));
  requireOneProgram(options, programs);
  const open: Executable[] = [];
  const compile = async (program: Program, stepsPerRun = 1): Promise<Executable> => {
    const [sharing] = open;
    const executable = await runtime.compile(program, { stepsPerRun, ...(sharing ? { sharing } : {}) });
    open.push(executable);
    return executable;
  };
  const dispose = async (): Promise<void> => {
    for (const executable of open.splice(0)) await executable.dispose();
  };

  const compiled: CompiledPhase[] = [];
  try {
    for (const [i, phase] of phases.entries()) {
      const { questions, gradient, update } = programs[i]!;
      compiled.push({
        phase,
        update: await compile(update, options.stepsPerRun),
        gradient: gradient && (await compile(gradient)),
        questions: await compiledQuestions(questions, compile),
      });
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  const changed = programs.flatMap(({ update, gradient }) =>
    [update, gradient].flatMap((p) => Object.keys(p?.updates ?? {})),
  );
  const isGradient = (name: string): boolean => name.split('.')[1] === 'gradient';
  const holderOf = (states: readonly string[]): Executable | undefined =>
    open.find(({ program }) => states.every((state) => Object.hasOwn(program.state, state)));
  let whole = options.stepsPerRun;

  /** A shorter run of the remaining steps at the end is compiled separately. */
  const resize = async (steps: number): Promise<void> => {
    const [single] = compiled as [CompiledPhase];
    const before = single.update;
    const update = await compile(programs[0]!.update, steps);
    open.splice(open.indexOf(before), 1);
    await before.dispose();
    compiled[0] = { ...single, update };
    whole = steps;
  };

  return {
    changing: [...new Set(changed)].filter((name) => !isGradient(name)),
    async take(feeds) {
      if (options.stepsPerRun > 1) {
        if (feeds.length !== whole) await resize(feeds.length);
        return stackedStep(compiled[0]!, feeds);
      }
      const outputs: Record<string, StepOutputs> = {};
      for (const each of compiled) {
        const given = feeds[0]![each.phase.name];
        if (given) outputs[each.phase.name] = await takePhase(each, given, parts);
      }
      return resultsOf(outputs);
    },
    async write(state) {
      const left = new Map(Object.entries(state));
      for (const executable of open) {
        const names = Object.keys(executable.program.state).filter((name) => left.has(name));
        await executable.writeState(Object.fromEntries(names.map((name) => [name, left.get(name)!])));
        for (const name of names) left.delete(name);
      }
    },
    async read(names) {
      const values: Record<string, HostTensor> = {};
      for (const executable of open) {
        const own = names.filter((name) => Object.hasOwn(executable.program.state, name) && !(name in values));
        Object.assign(values, await executable.readState(own));
      }
      return values;
    },
    compile,
    holderOf,
    dispose,
  };
}

/** Compiles questions one after another. */
export async function compiledQuestions(
  questions: readonly Question[],
  compile: (program: Program) => Promise<Executable>,
): Promise<CompiledQuestion[]> {
  const compiled: CompiledQuestion[] = [];
  for (const question of questions) compiled.push({ ...question, executable: await compile(question.program) });
  return compiled;
}

/** Outputs of a phase's runs: of its gradient on each part of the batch, and of its update. */
interface StepOutputs {
  readonly parts: readonly Readonly<Record<string, DeviceTensor>>[];
  readonly update: Readonly<Record<string, DeviceTensor>>;
}

async function takePhase(
  { phase, questions, gradient, update }: CompiledPhase,
  feeds: StepFeeds[string],
  parts: number,
): Promise<StepOutputs> {
  if (gradient === undefined) {
    const answers = await answersTo(questions, phase.opaque, feeds.loss);
    return { parts: [], update: await update.run({ ...feeds.loss, ...answers, ...feeds.update }) };
  }
  const share = scalar(1 / parts);
  const outputs: Readonly<Record<string, DeviceTensor>>[] = [];
  const { share: _, ...specs } = gradient.program.inputs;
  const given = Object.fromEntries(Object.entries(specs).filter(([name]) => Object.hasOwn(feeds.loss, name)));
  for (let part = 0; part < parts; part++) {
    const rows = partOf(feeds.loss, given, { part, parts });
    const answers = await answersTo(questions, phase.opaque, rows);
    outputs.push(await gradient.run({ ...rows, ...answers, share }));
  }
  return { parts: outputs, update: await update.run(feeds.update) };
}

/**
 * Asks opaque fields for their velocities, one question after another.
 *
 * @throws {OpaqueFieldError} for a field that fails, or whose answer is not finite velocities of the points' shape
 * @throws {RuntimeUnavailableError} when a field's own runtime has failed
 */
export async function answersTo(
  questions: readonly CompiledQuestion[],
  fields: Readonly<Record<string, OpaqueField>> = {},
  feeds: HostTensors,
): Promise<HostTensors> {
  const answers: Record<string, HostTensor> = {};
  for (const [i, { field, executable }] of questions.entries()) {
    const known: HostTensors = { ...feeds, ...answers };
    const inputs = Object.keys(executable.program.inputs).map((name) => [name, known[name]!] as const);
    const outputs = await executable.run(Object.fromEntries(inputs));
    const values: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      values[name] = await tensor.read();
      tensor.dispose();
    }
    answers[`answers.${i}`] = await answerOf(field, fields[field]!, values);
  }
  return answers;
}

async function answerOf(name: string, field: OpaqueField, asked: HostTensors): Promise<HostTensor> {
  const { x, t } = asked as Record<'x' | 't', HostTensor>;
  const wanted: TensorSpec = { shape: x.shape, dtype: 'float32' };
  let answer: HostTensor;
  try {
    answer = await field.evaluate(x, t, prefixed<HostTensor>('conditions', asked));
  } catch (error) {
    if (error instanceof RuntimeUnavailableError) throw error;
    throw new OpaqueFieldError(name, wanted, causeText(error), { cause: error });
  }
  if (answer.dtype !== wanted.dtype || !sameShape(answer.shape, wanted.shape)) {
    throw new OpaqueFieldError(name, wanted, specText(answer));
  }
  const wrong = answer.data.findIndex((value) => !Number.isFinite(value));
  if (wrong !== -1) throw new OpaqueFieldError(name, wanted, `${answer.data[wrong]} in it`);
  return answer;
}

/** Compiles questions over the states of some steps. */
export async function openQuestions(steps: Steps, questions: readonly Question[]): Promise<CompiledQuestion[]> {
  return compiledQuestions(questions, (program) => steps.compile(program));
}

async function stackedStep({ phase, update }: CompiledPhase, feeds: readonly StepFeeds[]): Promise<StepResults> {
  const each = feeds.map((step) => ({ ...step[phase.name]!.loss, ...step[phase.name]!.update }));
  const stacked = (name: string): HostTensor => stackHostTensors(each.map((inputs) => inputs[name]!));
  const names = Object.keys(each[0]!);
  const outputs = await update.run(
    feeds.length === 1 ? each[0]! : Object.fromEntries(names.map((name) => [name, stacked(name)])),
  );
  return {
    async read() {
      const rows = feeds.map((): Quantities => ({}));
      for (const [name, tensor] of Object.entries(outputs)) {
        const { data } = await tensor.read();
        rows.forEach((row, i) => (row[name] = data[i]!));
      }
      return rows.map((row) => ({ [phase.name]: row }));
    },
    release: () => disposeAll([outputs]),
  };
}

function resultsOf(outputs: Readonly<Record<string, StepOutputs>>): StepResults {
  return {
    async read() {
      const quantities: Record<string, Quantities> = {};
      for (const [phase, { parts, update }] of Object.entries(outputs)) {
        const values: Quantities = {};
        for (const part of parts) {
          for (const [name, value] of Object.entries(await scalarsOf(part))) {
            values[name] = (values[name] ?? 0) + value / parts.length;
          }
        }
        quantities[phase] = { ...values, ...(await scalarsOf(update)) };
      }
      return [quantities];
    },
    release: () => disposeAll(Object.values(outputs).flatMap(({ parts, update }) => [...parts, update])),
  };
}

/** Reads scalars from the device. */
export async function scalarsOf(outputs: Readonly<Record<string, DeviceTensor>>): Promise<Quantities> {
  const values: Quantities = {};
  for (const [name, tensor] of Object.entries(outputs)) values[name] = (await tensor.read()).data[0]!;
  return values;
}

function disposeAll(outputs: readonly Readonly<Record<string, DeviceTensor>>[]): void {
  for (const tensors of outputs) for (const tensor of Object.values(tensors)) tensor.dispose();
}

function requireOneProgram({ stepsPerRun, phases, parts }: StepsOptions, programs: readonly PhasePrograms[]): void {
  if (stepsPerRun === 1) return;
  const reason =
    phases.length > 1 || (phases[0]?.every ?? 1) > 1
      ? 'there are phases that take turns'
      : parts > 1
        ? 'gradients are accumulated'
        : programs[0]!.questions.length > 0
          ? 'the teacher is asked between programs'
          : undefined;
  if (reason === undefined) return;
  throw new ConfigError('stepsPerRun', `wanted 1, since ${reason}, got ${stepsPerRun}`);
}

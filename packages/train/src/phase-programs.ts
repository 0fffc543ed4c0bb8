import { ConfigError, type ObjectiveResult, type Phase, type Trainee, prefixed, withPrefix } from '@flowmap/core';
import {
  full,
  gradients,
  input,
  program,
  reachable,
  requireKnownOptions,
  type Program,
  type SpecLike,
  type Tensor,
  type Tensors,
} from '@flowmap/tensor';
import { flushed } from './internal/denormals.js';
import { groupsOf, movingParameters, requireNames, stateName, type Group, type Trainees } from './internal/groups.js';

/** Options of {@link phasePrograms}. */
export interface PhaseProgramOptions {
  /**
   * Whether a step becomes two programs: one adds to the gradient, which is a state, and the other updates the
   * parameters with it. Gradients can then be accumulated over parts of a batch, or summed over machines. False unless
   * given.
   */
  readonly split?: boolean;
  /**
   * Whether numbers in slots and averages that are too small for a normal float32 are set to zero; true unless given.
   * Means that decay without a gradient end up there and never reach zero by themselves, and processors take many times
   * as long to compute with them. A runtime that treats such numbers as zero (`Runtime.flushesDenormals`) does not need
   * it.
   */
  readonly flushDenormals?: boolean;
}

/** A question to an opaque field: the outputs are the point `x`, the time `t` and `conditions.*`. */
export interface Question {
  /** Name of the field in {@link Phase.opaque}. */
  readonly field: string;
  readonly program: Program;
}

/** The programs of a phase, which share the states `<trainee>.<part>.<parameter>`. */
export interface PhasePrograms {
  /**
   * To be run in order before the step: the answer to question `i` is the input `answers.<i>` of everything that
   * follows.
   */
  readonly questions: readonly Question[];
  /** With `split`: adds `share` times the gradient to the state `<trainee>.gradient.*`. */
  readonly gradient?: Program;
  /** The whole step; with `split` only what follows the gradient, which it resets to zero. */
  readonly update: Program;
}

/**
 * One phase of a training step as programs: the loss with its derivatives, the gradient, clipping, the optimizer's
 * update and the moving averages. Everything that changes from step to step is an input, so each is traced and compiled
 * only once.
 *
 * Inputs: the phase's own, and the scalars `optimizer.*`, `decay.*` of the averages, `maxGradientNorm` if the trainee
 * clips, and `share` of a gradient. State: the trainee's `params`, a part for each of the optimizer's slots and each
 * average, and `gradient` when split; and whatever the loss reads of other trainees. Outputs, all scalars: the metrics,
 * `loss`, and `gradientNorm` before clipping.
 *
 * `phaseFeeds` and `initialState` make the inputs and the state.
 *
 * @throws {ConfigError} for a trainee or average that does not exist, or a name that is used twice
 */
export function phasePrograms(phase: Phase, trainees: Trainees, options: PhaseProgramOptions = {}): PhasePrograms {
  requireKnownOptions('phasePrograms', options, { split: true, flushDenormals: true });
  const { split = false, flushDenormals = true } = options;
  for (const [name, trainee] of Object.entries(trainees)) requireNames(name, trainee);
  const groups = groupsOf(phase, trainees);
  const trainee = trainees[phase.trains]!;
  const read = statesOf(Object.values(groups));
  const { questions, answers } = questionsOf(phase, groups, read);
  const inputs = { ...phase.inputs, ...answers };
  const updateInputs = updateInputsOf(trainee);
  requireDistinct(phase, inputs, { ...updateInputs, share: [] });
  const kept = keptStates(phase.trains, trainee);
  const gradientState = partOf(phase.trains, 'gradient', trainee);
  const { trains } = phase;

  if (!split) {
    const state = { ...read, ...kept };
    const update = program<string, string>(
      `${phase.name} step`,
      { inputs: { ...inputs, ...updateInputs }, state },
      (values, states) => {
        const { outputs, gradient } = gradientOf(phase, trainee, traced(phase, groups, values, states), states);
        const { norm, updates } = updated(trains, trainee, gradient, values, states, flushDenormals);
        return { outputs: { ...outputs, gradientNorm: norm }, state: updates };
      },
    );
    return { questions, update };
  }
  const gradient = program<string, string>(
    `${phase.name} gradient`,
    { inputs: { ...inputs, share: [] }, state: { ...read, ...gradientState } },
    (values, states) => {
      const { outputs, gradient } = gradientOf(phase, trainee, traced(phase, groups, values, states), states);
      const sums = Object.entries(gradient).map(([name, g]) => {
        const state = stateName(trains, 'gradient', name);
        return [state, states[state]!.add(g.mul(values['share']!))] as const;
      });
      return { outputs, state: Object.fromEntries(sums) };
    },
  );
  const own = { ...statesOf([groups[trains]!]), ...kept, ...gradientState };
  const update = program<string, string>(
    `${phase.name} update`,
    { inputs: updateInputs, state: own },
    (values, states) => {
      const sum = prefixed(`${trains}.gradient`, states);
      const { norm, updates } = updated(trains, trainee, sum, values, states, flushDenormals);
      const zeros = Object.keys(sum).map((name) => [stateName(trains, 'gradient', name), full(0, sum[name]!.shape)]);
      return { outputs: { gradientNorm: norm }, state: { ...updates, ...(Object.fromEntries(zeros) as Tensors) } };
    },
  );
  return { questions, gradient, update };
}

/**
 * The loss and metrics of a phase without an update, as programs, to evaluate held-out data. Networks draw nothing in
 * them, so they need only some of the phase's inputs.
 *
 * @param average name of the trainee's average to use as its parameters; the parameters themselves unless given
 * @throws {ConfigError} for a trainee or average that does not exist
 */
export function lossPrograms(
  phase: Phase,
  trainees: Trainees,
  average?: string,
): { readonly questions: readonly Question[]; readonly loss: Program } {
  const groups = groupsOf(phase, trainees);
  if (average !== undefined) {
    const name = `${phase.trains}.${average}`;
    groups[phase.trains] = groupsOf({ ...phase, reads: [name] }, trainees)[name]!;
  }
  const state = statesOf(Object.values(groups));
  const { questions, answers } = questionsOf(phase, groups, state, { isTraining: false });
  const all = { ...phase.inputs, ...answers };
  const outputsOf = (inputs: Tensors, states: Tensors): Tensors => {
    const { loss, metrics } = traced(phase, groups, inputs, states, { isTraining: false });
    return { ...metrics, loss };
  };
  const standIns = symbols(all);
  const inputs = neededBy(outputsOf(standIns, symbols(state)), all);
  const loss = program<string, string>(`${phase.name} loss`, { inputs, state }, (values, states) => ({
    outputs: outputsOf({ ...standIns, ...values }, states),
  }));
  return { questions, loss };
}

type Groups = Readonly<Record<string, Group>>;
type Specs = Record<string, SpecLike>;

/** Loss and metrics; the answers of an opaque field are the inputs `answers.<i>`. */
function traced(
  phase: Phase,
  groups: Groups,
  inputs: Tensors,
  states: Tensors,
  { isTraining = true } = {},
): ObjectiveResult {
  let asked = 0;
  return phase.trace({
    inputs,
    groups: valuesOf(groups, states),
    isTraining,
    ask: () => inputs[`answers.${asked++}`]!,
  });
}

function valuesOf(groups: Groups, states: Tensors): Record<string, Tensors> {
  const valuesIn = (group: Group): Tensors =>
    Object.fromEntries(Object.entries(group).map(([name, { state }]) => [name, states[state]!]));
  return Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, valuesIn(group)]));
}

function statesOf(groups: readonly Group[]): Specs {
  return Object.fromEntries(groups.flatMap((group) => Object.values(group).map(({ state, spec }) => [state, spec])));
}

/** What the optimizer and the averages keep for a trainee. */
function keptStates(name: string, trainee: Trainee): Specs {
  const parts = [...trainee.optimizer.slots, ...Object.keys(trainee.averages)];
  return Object.assign({}, ...parts.map((part) => partOf(name, part, trainee))) as Specs;
}

function partOf(name: string, part: string, trainee: Trainee): Specs {
  const states = movingParameters(trainee).map((parameter) => {
    const { shape, dtype } = trainee.parameters[parameter]!;
    return [stateName(name, part, parameter), { shape, dtype }] as const;
  });
  return Object.fromEntries(states);
}

function updateInputsOf({ optimizer, averages, maxGradientNorm }: Trainee): Specs {
  const scalars = (names: readonly string[]): Specs => Object.fromEntries(names.map((name) => [name, []]));
  return {
    ...withPrefix('decay', scalars(Object.keys(averages))),
    ...scalars(maxGradientNorm === undefined ? [] : ['maxGradientNorm']),
    ...withPrefix('optimizer', scalars(Object.keys(optimizer.scalars(0, 0)))),
  };
}

/** The gradient of a phase's loss with respect to the parameters that are not fixed. */
function gradientOf(
  phase: Phase,
  trainee: Trainee,
  { loss, metrics }: ObjectiveResult,
  states: Tensors,
): { outputs: Tensors; gradient: Tensors } {
  const taken = ['loss', 'gradientNorm'].find((name) => Object.hasOwn(metrics, name));
  if (taken !== undefined) {
    throw new ConfigError(`phase '${phase.name}'`, `a metric is called '${taken}', a name that every step has`);
  }
  const names = movingParameters(trainee);
  const params = names.map((name) => [name, states[stateName(phase.trains, 'params', name)]!] as const);
  return { outputs: { ...metrics, loss }, gradient: gradients(loss, Object.fromEntries(params)) };
}

/** New parameters, slots and averages from a gradient, and the gradient's norm. */
function updated(
  name: string,
  { parameters, optimizer, averages }: Trainee,
  gradient: Tensors,
  inputs: Tensors,
  states: Tensors,
  flushDenormals: boolean,
): { norm: Tensor; updates: Tensors } {
  const squares = Object.values(gradient).reduce((total, g) => total.add(g.square().sum()), full(0));
  const norm = squares.sqrt();
  const scale = inputs['maxGradientNorm']?.div(norm).minimum(1);
  const kept = flushDenormals ? flushed : (value: Tensor): Tensor => value;
  const scalars = prefixed('optimizer', inputs);
  const updates: Record<string, Tensor> = {};
  for (const [parameter, g] of Object.entries(gradient)) {
    const stateOf = (part: string): Tensor => states[stateName(name, part, parameter)]!;
    const slots: Tensors = Object.fromEntries(optimizer.slots.map((slot) => [slot, stateOf(slot)]));
    const moved = optimizer.update({ parameter: stateOf('params'), slots }, scale ? g.mul(scale) : g, scalars);
    const value = parameters[parameter]!.project?.(moved.parameter) ?? moved.parameter;
    updates[stateName(name, 'params', parameter)] = value;
    for (const slot of optimizer.slots) updates[stateName(name, slot, parameter)] = kept(moved.slots[slot]!);
    for (const average of Object.keys(averages)) {
      // average <- decay average + (1 - decay) value = value + decay (average - value)
      const before = stateOf(average);
      updates[stateName(name, average, parameter)] = kept(
        value.add(before.sub(value).mul(inputs[`decay.${average}`]!)),
      );
    }
  }
  return { norm, updates };
}

interface Asked {
  readonly field: string;
  readonly outputs: Tensors;
  readonly answer: Tensor;
}

/** Traces a phase with stand-ins to find its questions, and turns each into a program of only what it depends on. */
function questionsOf(
  phase: Phase,
  groups: Groups,
  state: Specs,
  { isTraining = true } = {},
): { questions: Question[]; answers: Specs } {
  if (Object.keys(phase.opaque ?? {}).length === 0) return { questions: [], answers: {} };
  const ask = (inputs: Tensors, states: Tensors): Asked[] => {
    const asked: Asked[] = [];
    phase.trace({
      inputs,
      groups: valuesOf(groups, states),
      isTraining,
      ask(field, x, t, conditions) {
        if (!Object.hasOwn(phase.opaque!, field)) {
          throw new ConfigError(`phase '${phase.name}'`, `asks '${field}', which is none of its opaque fields`);
        }
        const name = `answers.${asked.length}`;
        const answer = inputs[name] ?? input(name, x.shape, x.dtype);
        asked.push({ field, outputs: { x, t, ...withPrefix('conditions', conditions) }, answer });
        return answer;
      },
    });
    return asked;
  };

  const [allInputs, allStates] = [symbols(phase.inputs), symbols(state)];
  const asked = ask(allInputs, allStates);
  const answers = Object.fromEntries(
    asked.map(({ answer: { shape, dtype } }, i) => [`answers.${i}`, { shape, dtype }]),
  );
  const questions = asked.map(({ field, outputs }, i) => {
    const inputs = neededBy(outputs, { ...phase.inputs, ...answers });
    const lean = program<string, string>(
      `${phase.name} question ${i + 1}`,
      { inputs, state: neededBy(outputs, state) },
      (inputs, states) => ({
        outputs: ask({ ...allInputs, ...inputs }, { ...allStates, ...states })[i]!.outputs,
      }),
    );
    return { field, program: lean };
  });
  return { questions, answers };
}

/** Stand-ins for inputs or states. */
function symbols(specs: Specs): Record<string, Tensor> {
  const entries = Object.entries(specs).map(([name, spec]) => {
    return [name, 'dtype' in spec ? input(name, spec.shape, spec.dtype) : input(name, spec)] as const;
  });
  return Object.fromEntries(entries);
}

/** The specs whose stand-ins the outputs depend on. */
function neededBy(outputs: Tensors, specs: Specs): Specs {
  const nodes = reachable(Object.values(outputs));
  const needed = new Set(nodes.flatMap((node) => (node.is('input') ? [node.attributes.name] : [])));
  return Object.fromEntries(Object.entries(specs).filter(([name]) => needed.has(name)));
}

function requireDistinct(phase: Phase, inputs: Specs, others: Specs): void {
  const twice = Object.keys(others).find((name) => Object.hasOwn(inputs, name));
  if (twice === undefined) return;
  throw new ConfigError(`phase '${phase.name}'`, `its input '${twice}' has a name that the step itself uses`);
}

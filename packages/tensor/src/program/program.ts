import { ProgramError } from '../errors.js';
import type { DType, TensorSpec } from '../graph/dtype.js';
import type { Primitive } from '../graph/primitives.js';
import { sameShape, type Shape } from '../graph/shape.js';
import { simplify } from '../simplify/simplify.js';
import { input, reachable, type Tensor } from '../graph/tensor.js';

/** A tensor's spec; a float32 tensor may be specified by its shape alone. */
export type SpecLike = TensorSpec | Shape;

/** Symbolic tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** What a program takes: inputs are given with every run, state stays in the executable from run to run. */
export interface ProgramArguments {
  readonly inputs: Readonly<Record<string, SpecLike>>;
  readonly state?: Readonly<Record<string, SpecLike>>;
}

/**
 * What a program computes: outputs to read, and new values of the states that it changes (the others stay as they are).
 */
export interface ProgramResults {
  readonly outputs: Tensors;
  readonly state?: Tensors;
}

/** The inputs, state and outputs of a program, by name. */
export interface Signature {
  /** Name of the program, for messages. */
  readonly name: string;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly state: Readonly<Record<string, TensorSpec>>;
  readonly outputs: Readonly<Record<string, TensorSpec>>;
  /** The states that it changes. */
  readonly updates: Readonly<Record<string, TensorSpec>>;
}

/**
 * A closed computation with static shapes: everything that a runtime needs to know. `nodes` lists every tensor of the
 * simplified graph once, operands before results; `outputs` and `updates` point into it.
 */
export interface Program extends Signature {
  readonly outputs: Tensors;
  /** New value of each state that the program changes; states not named here keep their values. */
  readonly updates: Tensors;
  readonly nodes: readonly Tensor[];
}

/**
 * Builds a program by calling a function with symbolic tensors for its inputs and state, and simplifying what it
 * returns.
 *
 * @param name used in error messages and in exported files
 * @param args shapes and dtypes of the inputs and of the state
 * @param build computes outputs and new state from `(inputs, state)`
 * @returns the simplified program
 * @throws {ProgramError} when a name is used twice, an update does not match a state in name or shape, or a result
 *   depends on a tensor that is not an argument of this program
 *
 * @example
 * const sgd = program('sgd', { inputs: { g: [3], lr: [] }, state: { w: [3] } },
 *   ({ g, lr }, { w }) => ({ outputs: {}, state: { w: w.sub(g.mul(lr)) } }));
 */
export function program<I extends string, S extends string = never>(
  name: string,
  args: { readonly inputs: Readonly<Record<I, SpecLike>>; readonly state?: Readonly<Record<S, SpecLike>> },
  build: (inputs: Readonly<Record<I, Tensor>>, state: Readonly<Record<S, Tensor>>) => ProgramResults,
): Program {
  const inputs = specsOf(args.inputs);
  const state = specsOf(args.state ?? {});
  const twice = Object.keys(inputs).find((key) => key in state);
  if (twice !== undefined) throw new ProgramError(name, `'${twice}' is both an input and a state`);
  const inputTensors = symbolsOf(inputs);
  const stateTensors = symbolsOf(state);
  const results = build(inputTensors as Record<I, Tensor>, stateTensors as Record<S, Tensor>);

  const updates = results.state ?? {};
  for (const [key, value] of Object.entries(updates)) {
    const spec = state[key];
    if (spec === undefined)
      throw new ProgramError(name, `new value for '${key}', which is not a state of this program`);
    if (!sameShape(spec.shape, value.shape) || spec.dtype !== value.dtype) {
      throw new ProgramError(name, `state '${key}' is ${specText(spec)}, its new value is ${specText(value)}`);
    }
  }
  const traced = [...Object.values(results.outputs), ...Object.values(updates)];
  const own = new Set<Tensor>([...Object.values(inputTensors), ...Object.values(stateTensors)]);
  const foreign = reachable(traced).find((node) => node.primitive === 'input' && !own.has(node));
  if (foreign?.is('input')) {
    throw new ProgramError(
      name,
      `a result depends on '${foreign.attributes.name}', which belongs to no argument of it`,
    );
  }

  return programOf({ name, inputs, state, outputs: results.outputs, updates });
}

/** The simplified program for results that have been checked. */
export function programOf({ outputs, updates, ...rest }: Omit<Program, 'nodes'>): Program {
  const names = [...Object.keys(outputs), ...Object.keys(updates)];
  const simplified = simplify([...Object.values(outputs), ...Object.values(updates)]);
  const count = Object.keys(outputs).length;
  const named = (first: number, last: number): Tensors =>
    Object.fromEntries(names.slice(first, last).map((name, i) => [name, simplified[first + i]!]));
  return { ...rest, outputs: named(0, count), updates: named(count, names.length), nodes: reachable(simplified) };
}

/** One line per node, `%7 = add %3 %6 : float32 [2, 3]`: for reading, and for comparing programs in tests. */
export function formatProgram({ nodes, outputs, updates }: Program): string {
  const index = new Map(nodes.map((node, i) => [node, i]));
  const lines = nodes.map((node, i) => {
    const operands = node.operands.map((operand) => `%${index.get(operand)}`);
    return [`%${i} =`, node.primitive, ...operands, attributesOf(node), ':', specText(node)].filter(Boolean).join(' ');
  });
  const results = Object.entries(outputs).map(([key, value]) => `return ${key} = %${index.get(value)}`);
  const changes = Object.entries(updates).map(([key, value]) => `state ${key} = %${index.get(value)}`);
  return [...lines, ...results, ...changes].join('\n');
}

/** Shape and dtype in words: `float32 [2, 3]`. */
export function specText({ dtype, shape }: TensorSpec): string {
  return `${dtype} [${shape.join(', ')}]`;
}

const obvious: ReadonlySet<Primitive> = new Set(['reshape', 'broadcastTo', 'cast']);

function attributesOf(node: Tensor): string {
  if (node.is('input')) return `'${node.attributes.name}'`;
  if (node.is('constant')) return node.attributes.data.length > 8 ? '…' : node.attributes.data.join(' ');
  return obvious.has(node.primitive) || Object.keys(node.attributes).length === 0
    ? ''
    : JSON.stringify(node.attributes);
}

function specsOf(specs: Readonly<Record<string, SpecLike>>): Record<string, TensorSpec> {
  const normalize = (spec: SpecLike): TensorSpec =>
    'dtype' in spec ? { shape: spec.shape, dtype: spec.dtype } : { shape: spec, dtype: 'float32' satisfies DType };
  return Object.fromEntries(Object.entries(specs).map(([key, spec]) => [key, normalize(spec)]));
}

function symbolsOf(specs: Record<string, TensorSpec>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(specs).map(([key, { shape, dtype }]) => [key, input(key, shape, dtype)]));
}

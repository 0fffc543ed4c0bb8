import type { Program, Signature, Tensor, TensorSpec } from '@flowmap/tensor';
import { withoutBfloat16 } from './bfloat16.js';
import { encodeModel, requireEncodable, type ExternalConstant } from './encode-model.js';
import { Graph } from './graph.js';
import type { Context } from './lowering/context.js';
import { planSteps } from './lowering/fusion.js';
import type { Rules } from './lowering/rules.js';
import { standardRules } from './lowering/table.js';

/** The model's name for a state before the run. */
export const stateInput = (name: string): string => `state:${name}`;

/** The model's name for a state's new value. */
export const stateOutput = (name: string): string => `next:${name}`;

/** The model's name for a result. */
export const outputName = (program: Signature, name: string): string =>
  Object.hasOwn(program.inputs, name) ? `output:${name}` : name;

/**
 * Lowers a program to an ONNX model of standard operators only (operator set 17, ONNX 1.12).
 *
 * Inputs and outputs keep their names; a state `w` is the input `state:w`, and its new value the output `next:w`. An
 * output with the same name as an input is called `output:<name>`. Tensors of bfloat16 are float32 in the model, and
 * rounded.
 *
 * @returns the model in ONNX's binary form, ready to be written to an `.onnx` file
 * @throws {UnsupportedError} for constants of 2 GiB in total, which an ONNX model cannot hold
 *
 * @example
 * const double = program('double', { inputs: { x: [3] } }, ({ x }) => ({ outputs: { y: x.add(x) } }));
 * const model = toOnnx(double);
 */
export function toOnnx(program: Program): Uint8Array {
  return modelOf(program, standardRules);
}

/**
 * The model of a program according to the rules of a device.
 *
 * @param external if given, large constants are appended to it and the model refers to them
 */
export function modelOf(given: Program, rules: Rules, external?: ExternalConstant[]): Uint8Array {
  const program = withoutBfloat16(given);
  if (external === undefined) requireEncodable(program);
  const { graph, inputs, states, outputs, updates } = lowered(program, rules, (name) => name);
  const finished = graph.finish(program.name, { ...inputs, ...states }, { ...outputs, ...updates });
  return encodeModel(finished, graph.domains, external);
}

type Specs = Readonly<Record<string, TensorSpec>>;

/** A program's nodes in ONNX, and its inputs and outputs by their names there. */
export interface Lowered {
  readonly graph: Graph;
  readonly inputs: Specs;
  readonly states: Specs;
  readonly outputs: Specs;
  readonly updates: Specs;
}

/**
 * Lowers a program without bfloat16 according to the rules of a device; `rename` may give its inputs, states and
 * results other names in the graph.
 */
export function lowered(program: Program, rules: Rules, rename: (name: string) => string): Lowered {
  const graph = new Graph();
  const names = new Map<Tensor, string>();
  const value = (tensor: Tensor): string => {
    if (tensor.is('constant') && !names.has(tensor)) {
      names.set(tensor, graph.constant(tensor.attributes.data, tensor));
    }
    return names.get(tensor)!;
  };
  const compact = (tensor: Tensor): string => {
    if (!tensor.is('constant') || tensor.attributes.data.length > 1) return value(tensor);
    return graph.constant(tensor.attributes.data, { shape: [], dtype: tensor.dtype });
  };
  const { channelBlock, usesMinimalFiltering } = rules;
  const gates = new Set(program.nodes.filter((node) => node.is('silu')).map(({ operands: [x] }) => x));
  const isGate: Context['isGate'] = (tensor) => gates.has(tensor);
  const context: Context = { graph, value, compact, isGate, channelBlock, usesMinimalFiltering };

  for (const node of program.nodes) {
    if (!node.is('input')) continue;
    const { name } = node.attributes;
    names.set(node, rename(Object.hasOwn(program.inputs, name) ? name : stateInput(name)));
  }
  for (const step of planSteps(program, rules)) names.set(step.tensor, step.emit(context));

  const results = (tensors: Program['outputs'], nameOf: (name: string) => string): Specs =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => {
        const there = rename(nameOf(name));
        graph.output(there, value(tensor));
        return [there, tensor];
      }),
    );
  const renamed = (specs: Specs, nameOf: (name: string) => string): Specs =>
    Object.fromEntries(Object.entries(specs).map(([name, spec]) => [rename(nameOf(name)), spec]));
  return {
    graph,
    inputs: renamed(program.inputs, (name) => name),
    states: renamed(program.state, stateInput),
    outputs: results(program.outputs, (name) => outputName(program, name)),
    updates: results(program.updates, stateOutput),
  };
}

import type { Program, Tensor, TensorSpec } from '@flowmap/tensor';
import { withoutBfloat16 } from './bfloat16.js';
import { Graph } from './graph.js';
import type { Context } from './lowering/context.js';
import { planSteps } from './lowering/fusion.js';
import { standardRules, type Rules } from './lowering/table.js';

/** Name in the model of a state before the run. */
export const stateInput = (name: string): string => `state:${name}`;

/** Name in the model of a state's new value. */
export const stateOutput = (name: string): string => `next:${name}`;

/** Name in the model of a result. */
export const outputName = (program: Program, name: string): string =>
  Object.hasOwn(program.inputs, name) ? `output:${name}` : name;

/**
 * Lowers a program to an ONNX model of standard operators only (operator set 17, ONNX 1.12).
 *
 * Inputs and outputs keep their names; a state `w` is the input `state:w`, and its new value the output `next:w`. An output
 * that has the name of an input is called `output:<name>`. Tensors of bfloat16 are float32 in the model, and rounded.
 *
 * @returns the model in ONNX's binary form, ready to be written to an `.onnx` file
 *
 * @example
 * const double = program('double', { inputs: { x: [3] } }, ({ x }) => ({ outputs: { y: x.add(x) } }));
 * const model = toOnnx(double);
 */
export function toOnnx(program: Program): Uint8Array {
  return modelOf(program, standardRules);
}

/** The model of a program by the rules of a device. */
export function modelOf(given: Program, rules: Rules): Uint8Array {
  const program = withoutBfloat16(given);
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
  const context: Context = { graph, value, compact };

  for (const node of program.nodes) {
    if (!node.is('input')) continue;
    const { name } = node.attributes;
    names.set(node, Object.hasOwn(program.inputs, name) ? name : stateInput(name));
  }
  for (const step of planSteps(program, rules)) names.set(step.tensor, step.emit(context));

  const outputs: Record<string, TensorSpec> = {};
  const output = (name: string, tensor: Tensor): void => {
    outputs[name] = tensor;
    graph.output(name, value(tensor));
  };
  for (const [name, tensor] of Object.entries(program.outputs)) output(outputName(program, name), tensor);
  for (const [name, tensor] of Object.entries(program.updates)) output(stateOutput(name), tensor);
  const states = Object.entries(program.state).map(([name, spec]) => [stateInput(name), spec] as const);
  return graph.encode(program.name, { ...program.inputs, ...Object.fromEntries(states) }, outputs);
}

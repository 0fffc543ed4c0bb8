import type { Program, Tensor, TensorSpec } from '@flowmap/tensor';
import { Graph } from './graph.js';
import type { Context } from './lowering/context.js';
import { planSteps } from './lowering/fusion.js';

/** Name in the model of a state before the run. */
export const stateInput = (name: string): string => `state:${name}`;
/** Name in the model of a state's new value. */
export const stateOutput = (name: string): string => `next:${name}`;

/**
 * Lowers a program to an ONNX model: standard operators only, of operator set 17.
 *
 * Inputs and outputs keep their names; a state `w` is the input `state:w`, and its new value the output `next:w`. An output
 * that has the name of an input is called `output:<name>`.
 *
 * @returns the model in ONNX's binary form, ready to be written to an `.onnx` file
 *
 * @example
 * const double = program('double', { inputs: { x: [3] } }, ({ x }) => ({ outputs: { y: x.add(x) } }));
 * const model = toOnnx(double);
 */
export function toOnnx(program: Program): Uint8Array {
  const graph = new Graph();
  const names = new Map<Tensor, string>();
  const inputs: Record<string, TensorSpec> = {};
  const constantOf = (tensor: Tensor<'constant'>, spec: TensorSpec): string => {
    return graph.constant(tensor.attributes.data, spec);
  };
  const context: Context = {
    graph,
    value: (tensor) => {
      if (tensor.is('constant')) return constantOf(tensor, tensor);
      return names.get(tensor)!;
    },
    compact: (tensor) => {
      const splat = tensor.is('constant') && tensor.attributes.data.length === 1;
      return splat ? constantOf(tensor, { shape: [], dtype: tensor.dtype }) : context.value(tensor);
    },
  };
  for (const [name, spec] of Object.entries(program.inputs)) inputs[name] = spec;
  for (const [name, spec] of Object.entries(program.state)) inputs[stateInput(name)] = spec;
  for (const node of program.nodes) {
    if (!node.is('input')) continue;
    const { name } = node.attributes;
    names.set(node, Object.hasOwn(program.inputs, name) ? name : stateInput(name));
  }
  for (const step of planSteps(program)) names.set(step.tensor, step.emit(context));
  const outputs: Record<string, TensorSpec> = {};
  const results: [string, Tensor][] = [
    ...Object.entries(program.outputs).map(([name, tensor]): [string, Tensor] => [outputName(program, name), tensor]),
    ...Object.entries(program.updates).map(([name, tensor]): [string, Tensor] => [stateOutput(name), tensor]),
  ];
  for (const [name, tensor] of results) {
    outputs[name] = { shape: tensor.shape, dtype: tensor.dtype };
    graph.output(name, context.value(tensor));
  }
  return graph.encode(program.name, inputs, outputs);
}

/** Name in the model of a result. */
export function outputName(program: Program, name: string): string {
  return Object.hasOwn(program.inputs, name) ? `output:${name}` : name;
}

import { create } from '@bufbuild/protobuf';
import { unrolledSignature, type Program, type TensorSpec } from '@flowmap/tensor';
import { AttributeProto_AttributeType as AttributeType, GraphProtoSchema } from 'onnx-buf';
import { withoutBfloat16 } from './bfloat16.js';
import { encodeModel, requireEncodable } from './encode-model.js';
import { valueInfo } from './graph.js';
import type { Rules } from './lowering/rules.js';
import { lowered, outputName, stateInput, stateOutput } from './to-onnx.js';

/**
 * The model of several steps of a program: one `Scan` (ONNX 1.12) whose body is the step. It carries the states that
 * the program changes from step to step, takes a row of each stacked input and stacks the outputs; the body refers to
 * the other states from outside. Names are those of the program's own model.
 *
 * @param given the step; it has an input, since a `Scan` counts the rows of its inputs
 * @param steps steps per run
 */
export function scanModel(given: Program, rules: Rules, steps: number): Uint8Array {
  const program = withoutBfloat16(given);
  requireEncodable(program);
  const changed = Object.keys(program.updates);
  const unchanged = Object.keys(program.state).filter((name) => !changed.includes(name));
  const fixed = new Set(unchanged.map(stateInput));
  const inBody = (name: string): string => (fixed.has(name) ? name : `%step:${name}`);
  const { graph, inputs, states, outputs, updates } = lowered(program, rules, inBody);

  const carried = changed.map(stateInput).map(inBody);
  const carriedSpecs = Object.fromEntries(carried.map((name) => [name, states[name]!]));
  const body = graph.finish('step', { ...carriedSpecs, ...inputs }, { ...updates, ...outputs });

  const run = unrolledSignature(program, steps);
  const around = {
    inputs: run.inputs,
    states: renamed(run.state, stateInput),
    outputs: renamed(run.outputs, (name) => outputName(run, name)),
    updates: renamed(run.updates, stateOutput),
  };
  const scan = {
    opType: 'Scan',
    name: 'steps',
    input: [...changed.map(stateInput), ...Object.keys(around.inputs)],
    output: [...Object.keys(around.updates), ...Object.keys(around.outputs)],
    attribute: [
      { name: 'body', type: AttributeType.GRAPH, g: body },
      { name: 'num_scan_inputs', type: AttributeType.INT, i: BigInt(Object.keys(around.inputs).length) },
    ],
  };
  return encodeModel(
    create(GraphProtoSchema, {
      name: program.name,
      node: [scan],
      input: Object.entries({ ...around.inputs, ...around.states }).map(valueInfo),
      output: Object.entries({ ...around.outputs, ...around.updates }).map(valueInfo),
    }),
    graph.domains,
  );
}

function renamed(
  specs: Readonly<Record<string, TensorSpec>>,
  nameOf: (name: string) => string,
): Record<string, TensorSpec> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [nameOf(name), spec]));
}

import { quoted } from '@flowmap/tensor';
import {
  AttributeProto_AttributeType as Type,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from 'onnx-buf';
import { shown } from '../onnx-model-error.js';
import { OnnxImportError, type Place } from './import-error.js';
import { hintFor, operatorOf } from './operators/table.js';
import { isStandard, standardSet, type ReadModel } from './read-model.js';
import { described } from './read-tensor.js';

/** Where a node is, in words. */
export function placeText({ operator, position, name }: Place): string {
  return `node ${position}, ${shown(operator, 80)}${name === '' ? '' : ` '${shown(name, 80)}'`}`;
}

export function placeOf(node: NodeProto, position: number): Place {
  const { domain, opType, name } = node;
  return { operator: isStandard(domain) ? opType : `${domain}.${opType}`, position, name };
}

/** The key of a function of the model's own. */
export function functionKey({ domain, name }: { domain: string; name: string }): string {
  return `${domain}\n${name}`;
}

/** Functions of a model by domain and name. */
export type Functions = ReadonlyMap<string, FunctionProto>;

interface Scope {
  readonly source: string;
  readonly opset: number;
  readonly functions: Functions;
  /** Names of the values around a graph, the innermost last. */
  readonly around: readonly ReadonlySet<string>[];
}

/**
 * Checks that a model can be traced, as far as that does not depend on the shapes of its inputs: that every value is
 * made once and before it is read, operators are known and have a valid number of operands, and tensors match their
 * descriptions.
 *
 * @throws {OnnxImportError} naming the first node or tensor at fault
 */
export function checkModel({ model, graph, opset }: ReadModel, source: string, functions: Functions): void {
  const scope = { source, opset, functions, around: [] };
  const refuse = (problem: string): never => {
    throw new OnnxImportError(source, problem);
  };
  if (model.trainingInfo.length > 0) refuse('it has graphs of its own for training, which cannot be imported');
  checkGraph(graph, scope);
  for (const definition of model.functions) {
    const { name, node, input, output } = definition;
    const own = standardSet(definition, (problem) => refuse(`function ${quoted(name)}: ${problem}`));
    const made = new Set(input);
    checkNodes(node, { ...scope, opset: own }, made);
    requireOutputs(output, [made], scope);
  }
}

function checkGraph(graph: GraphProto, scope: Scope): void {
  const made = new Set<string>(graph.input.map(({ name }) => name));
  if (graph.sparseInitializer.length > 0) throw new OnnxImportError(scope.source, 'it has sparse tensors');
  const initializers = new Set<string>();
  for (const tensor of graph.initializer) {
    if (initializers.has(tensor.name))
      throw new OnnxImportError(scope.source, `it has two tensors ${quoted(tensor.name)}`);
    initializers.add(tensor.name);
    checkTensor(tensor, scope.source, `the tensor ${quoted(tensor.name)}`);
    made.add(tensor.name);
  }
  checkNodes(graph.node, scope, made);
  requireOutputs(
    graph.output.map(({ name }) => name),
    [made, ...scope.around],
    scope,
  );
}

function requireOutputs(names: readonly string[], values: readonly ReadonlySet<string>[], { source }: Scope): void {
  const missing = names.find((name) => !values.some((made) => made.has(name)));
  if (missing !== undefined) throw new OnnxImportError(source, `nothing makes the output ${quoted(missing)}`);
}

function checkNodes(nodes: readonly NodeProto[], scope: Scope, made: Set<string>): void {
  nodes.forEach((node, position) => {
    const place = placeOf(node, position);
    const refuse = (problem: string): never => {
      throw new OnnxImportError(scope.source, `${placeText(place)}: ${problem}`, place);
    };
    checkOperator(node, scope, refuse);
    for (const name of node.input) {
      if (name === '' || made.has(name) || scope.around.some((values) => values.has(name))) continue;
      refuse(`nothing before it makes ${quoted(name)}, which it reads: nodes must be in order, without circles`);
    }
    for (const { name, type, t, g, tensors, graphs } of node.attribute) {
      if (type === Type.TENSOR && t === undefined) refuse(`its attribute ${quoted(name)} is missing`);
      if (tensors.length > 0 || graphs.length > 0)
        refuse(`its attribute ${quoted(name)} is a list of tensors or graphs`);
      if (t) checkTensor(t, scope.source, `${placeText(place)}: its ${shown(name, 80)}`);
      if (g) checkGraph(g, { ...scope, around: [...scope.around, made] });
    }
    for (const name of node.output) {
      if (name !== '' && made.has(name)) refuse(`it makes ${quoted(name)}, which is there already`);
      made.add(name);
    }
  });
}

function checkOperator(node: NodeProto, { opset, functions }: Scope, refuse: (problem: string) => never): void {
  const { domain, opType, input, output } = node;
  if (functions.has(functionKey({ domain, name: opType }))) return;
  if (!isStandard(domain)) {
    refuse(
      `operators of the domain ${quoted(domain)} cannot be imported; export the model with standard operators alone`,
    );
  }
  const operator = operatorOf(opType);
  if (operator === undefined) return refuse(`this operator cannot be imported; ${hintFor(opType)}`);
  const { since = 0, inputs } = operator;
  if (opset < since) refuse(`this operator is none of set ${opset}: it came with set ${since}`);
  if (input.length < inputs[0] || input.length > inputs[1]) {
    const wanted = inputs[0] === inputs[1] ? `${inputs[0]}` : `${inputs[0]} to ${inputs[1]}`;
    refuse(`it has ${input.length} operands, wanted ${wanted}`);
  }
  if (output.length === 0) refuse('it has no results');
}

function checkTensor(tensor: TensorProto, source: string, name: string): void {
  described(tensor, (problem) => {
    throw new OnnxImportError(source, `${name} ${problem}`);
  });
}

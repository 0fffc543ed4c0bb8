import { causeText, FlowmapError, quoted, sizeOf } from '@flowmap/tensor';
import type { AttributeProto, FunctionProto, GraphProto, NodeProto, TensorProto } from 'onnx-buf';
import { MOST_ELEMENTS, type Call } from './call.js';
import { functionKey, placeOf, placeText, type Functions } from './check-graph.js';
import { OnnxImportError } from './import-error.js';
import { operatorOf } from './operators/table.js';
import { standardSet } from './read-model.js';
import type { Known, Value } from './value.js';

/** What all graphs of a model share while one of its programs is traced. */
export interface Tracing {
  readonly source: string;
  readonly functions: Functions;
  readonly tensorOf: (tensor: TensorProto) => Known;
  /** Nodes that may still be traced, those in loops and functions each time anew. */
  left: number;
  /** Numbers that may still be computed while tracing. */
  numbers: number;
}

/** Values by name; for names that a graph lacks, those of the graph around it are found. */
interface Scope {
  readonly values: Map<string, Value>;
  readonly around?: Scope;
}

/** Attributes of the call of a function, to which those in its body may refer. */
type Given = ReadonlyMap<string, AttributeProto>;

interface Frame {
  readonly tracing: Tracing;
  readonly opset: number;
  readonly scope: Scope;
  readonly given: Given;
  /** Functions and graphs around this one. */
  readonly depth: number;
}

/** The most functions and graphs nested in one another; functions may not call themselves. */
const MOST_DEPTH = 64;

/**
 * Traces a graph.
 *
 * @param values its inputs and constants by name
 * @returns its outputs
 */
export function traceGraph(tracing: Tracing, graph: GraphProto, opset: number, values: Map<string, Value>): Value[] {
  const frame: Frame = { tracing, opset, scope: { values }, given: new Map(), depth: 0 };
  traceNodes(graph.node, frame);
  return outputsOf(
    graph.output.map(({ name }) => name),
    frame,
  );
}

function outputsOf(names: readonly string[], { scope, tracing }: Frame): Value[] {
  return names.map((name) => {
    const value = find(scope, name);
    if (value === undefined) throw new OnnxImportError(tracing.source, `nothing makes the output ${quoted(name)}`);
    return value;
  });
}

function find(scope: Scope | undefined, name: string): Value | undefined {
  for (let at = scope; at !== undefined; at = at.around) {
    const value = at.values.get(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

function traceNodes(nodes: readonly NodeProto[], frame: Frame): void {
  nodes.forEach((node, position) => traceNode(node, position, frame));
}

function traceNode(node: NodeProto, position: number, frame: Frame): void {
  const { tracing, opset, scope, given } = frame;
  // Its result is given: a weight that the file stores in fewer bits, which may be a parameter.
  if (node.output.every((name) => scope.values.has(name))) return;
  const place = placeOf(node, position);
  const fail = (problem: string, options?: ErrorOptions): never => {
    throw new OnnxImportError(tracing.source, `${placeText(place)}: ${problem}`, place, options);
  };
  const refuse: Call['refuse'] = (problem, hint) => fail(hint === undefined ? problem : `${problem}; ${hint}`);
  if (--tracing.left < 0) refuse('it is one node too many', 'raise `maxNodes` for a model that you trust');
  const attributes = attributesOf(node, given);
  const inputs = node.input.map((name) => {
    if (name === '') return undefined;
    return find(scope, name) ?? refuse(`nothing makes ${quoted(name)}, which it reads`);
  });
  const call: Call = {
    opset,
    inputs,
    outputs: node.output.length,
    refuse,
    attribute: (name) => attributes.get(name),
    tensorOf: tracing.tensorOf,
    spend(numbers) {
      tracing.numbers -= numbers;
      if (tracing.numbers < 0) refuse('more is computed from constants and shapes up to here than any model needs');
    },
    trace: (graph, own) => traceWithin(graph, own, frame, refuse),
  };
  const definition = tracing.functions.get(functionKey({ domain: node.domain, name: node.opType }));
  try {
    const traced = definition ? traceFunction(definition, call, frame) : operatorOf(node.opType)!.trace(call);
    const results = isList(traced) ? traced : [traced];
    call.spend(computedIn(inputs, results));
    node.output.forEach((name, i) => {
      if (name === '') return;
      const result = results[i] ?? refuse(`its result ${i} cannot be imported`);
      if (sizeOf(result.shape) > MOST_ELEMENTS) refuse(`its result has the shape [${result.shape.join(', ')}]`);
      scope.values.set(name, result);
    });
  } catch (cause) {
    if (cause instanceof OnnxImportError || !(cause instanceof FlowmapError)) throw cause;
    fail(causeText(cause), { cause });
  }
}

/** Numbers that a node has computed and read, if its results are known and are not those of an operand. */
function computedIn(inputs: readonly (Value | undefined)[], results: readonly Value[]): number {
  const data = inputs.flatMap((value) => (value?.data === undefined ? [] : [value.data]));
  const made = results.flatMap((value) => (value.data === undefined || data.includes(value.data) ? [] : [value.data]));
  if (made.length === 0) return 0;
  return [...data, ...made].reduce((sum, { length }) => sum + length, 0);
}

function isList(traced: Value | readonly Value[]): traced is readonly Value[] {
  return Array.isArray(traced);
}

/** The attributes of a node by name; those that refer to the attributes of a function's call are replaced by these. */
function attributesOf(node: NodeProto, given: Given): Given {
  const found = new Map<string, AttributeProto>();
  for (const attribute of node.attribute) {
    const { name, refAttrName } = attribute;
    const own = refAttrName === '' ? attribute : given.get(refAttrName);
    if (own !== undefined) found.set(name, own);
  }
  return found;
}

function depthWithin({ depth }: Frame, refuse: Call['refuse']): number {
  return depth < MOST_DEPTH ? depth + 1 : refuse(`it is within ${depth} others`);
}

/** A graph within a node: it sees the values around it, and its own constants. */
function traceWithin(graph: GraphProto, inputs: readonly Value[], frame: Frame, refuse: Call['refuse']): Value[] {
  if (graph.input.length !== inputs.length)
    refuse(`its graph takes ${graph.input.length} inputs, not ${inputs.length}`);
  const values = new Map<string, Value>(
    graph.initializer.map((tensor) => [tensor.name, frame.tracing.tensorOf(tensor)]),
  );
  graph.input.forEach(({ name }, i) => values.set(name, inputs[i]!));
  const within: Frame = { ...frame, scope: { values, around: frame.scope }, depth: depthWithin(frame, refuse) };
  traceNodes(graph.node, within);
  return outputsOf(
    graph.output.map(({ name }) => name),
    within,
  );
}

/** A function of the model's own: its body sees only its operands and attributes. */
function traceFunction(definition: FunctionProto, call: Call, around: Frame): Value[] {
  const { tracing } = around;
  const depth = depthWithin(around, call.refuse);
  const { input, output, node, attribute, attributeProto } = definition;
  const values = new Map<string, Value>();
  input.forEach((name, i) => {
    const value = call.inputs[i];
    if (value !== undefined) values.set(name, value);
  });
  const given = new Map(attributeProto.map((one) => [one.name, one]));
  for (const name of [...attribute, ...given.keys()]) {
    const own = call.attribute(name);
    if (own !== undefined) given.set(name, own);
  }
  const frame: Frame = { tracing, opset: standardSet(definition, call.refuse), scope: { values }, given, depth };
  traceNodes(node, frame);
  return outputsOf(output, frame);
}

import { clone, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as Location,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from 'onnx-buf';
import type { Random } from '../random.js';
import { mutateBytes } from './bytes.js';
import { edges, MAX_LENGTH, type Mutator } from './mutator.js';

/** Changes nodes, attributes, tensors and shapes of a graph, or its bytes. */
export const mutateOnnx: Mutator = (bytes, random, other) => {
  const model = random.once(10) ? undefined : parsed(bytes);
  if (!model?.graph) return mutateBytes(bytes, random, other);
  const graphs = graphsOf(model.graph);
  change(random.pick(graphs), random, parsed(other)?.graph ?? model.graph, model);
  const changed = toBinary(ModelProtoSchema, model);
  return changed.length > MAX_LENGTH ? changed.subarray(0, MAX_LENGTH) : changed;
};

function parsed(bytes: Uint8Array): ModelProto | undefined {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch {
    return undefined;
  }
}

/** A graph and those within its nodes. */
function graphsOf(graph: GraphProto): GraphProto[] {
  return [graph, ...graph.node.flatMap(({ attribute }) => attribute.flatMap(({ g }) => (g ? graphsOf(g) : [])))];
}

function change(graph: GraphProto, random: Random, other: GraphProto, model: ModelProto): void {
  const { node, initializer, input, output } = graph;
  const at = random.below(node.length + 1);
  const one = node[at];
  const names = [...input, ...initializer].map(({ name }) => name).concat(node.flatMap(({ output }) => output));
  switch (random.below(11)) {
    case 0:
      if (one && other.node.length > 0) one.opType = random.pick(other.node).opType;
      return;
    case 1:
    case 2:
      if (one && names.length > 0) changeNames(one, random, names);
      return;
    case 3:
    case 4:
      if (one) changeAttributes(one, random, other);
      return;
    case 5:
    case 6:
    case 7: {
      const tensors = [
        ...initializer,
        ...node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => (t ? [t] : []))),
      ];
      if (tensors.length > 0) changeTensor(random.pick(tensors), random);
      return;
    }
    case 8:
      if (random.once(2)) node.splice(at, 1);
      else if (other.node.length > 0) node.splice(at, 0, clone(NodeProtoSchema, random.pick(other.node)));
      return;
    case 9: {
      const type = input.length + output.length > 0 ? random.pick([...input, ...output]).type?.value : undefined;
      if (type?.case !== 'tensorType') return;
      const { dim } = type.value.shape ?? { dim: [] };
      if (random.once(4)) type.value.elemType = random.below(24);
      else if (dim.length > 0) random.pick(dim).value = { case: 'dimValue', value: BigInt(random.pick(edges)) };
      return;
    }
    default:
      for (const set of model.opsetImport) set.version = BigInt(12 + random.below(12));
  }
}

function changeNames(node: NodeProto, random: Random, names: readonly string[]): void {
  const list = random.once(4) ? node.output : node.input;
  const at = random.below(list.length + 1);
  const name = random.once(4) ? '' : random.pick(names);
  if (random.once(4)) list.splice(at, 1);
  else list[at] = name;
}

function changeAttributes(node: NodeProto, random: Random, other: GraphProto): void {
  const { attribute } = node;
  if (attribute.length === 0 || random.once(6)) {
    const theirs = other.node.flatMap(({ attribute }) => attribute);
    if (theirs.length > 0) attribute.push(clone(AttributeProtoSchema, random.pick(theirs)));
    return;
  }
  const one = random.pick(attribute);
  if (random.once(8)) attribute.splice(attribute.indexOf(one), 1);
  else changeAttribute(one, random);
}

function changeAttribute(attribute: AttributeProto, random: Random): void {
  const number = (): number => (random.once(3) ? -1 : 1) * random.pick(edges);
  switch (attribute.type) {
    case AttributeType.INT:
      attribute.i = BigInt(number());
      return;
    case AttributeType.FLOAT:
      attribute.f = random.pick([0, -1, NaN, Infinity, 1e-38, 1e30]);
      return;
    case AttributeType.INTS:
      if (random.once(3)) attribute.ints.pop();
      else attribute.ints[random.below(attribute.ints.length + 1)] = BigInt(number());
      return;
    case AttributeType.STRING:
      attribute.s = Uint8Array.from(mutateBytes(attribute.s, random, attribute.s));
      return;
    default:
      attribute.type = random.pick([AttributeType.INT, AttributeType.TENSOR, AttributeType.GRAPH, AttributeType.INTS]);
  }
}

function changeTensor(tensor: TensorProto, random: Random): void {
  switch (random.below(5)) {
    case 0:
      tensor.dims[random.below(tensor.dims.length + 1)] = BigInt(random.pick(edges));
      return;
    case 1:
      tensor.dataType = random.below(24);
      return;
    case 2:
      tensor.dataLocation = Location.EXTERNAL;
      tensor.externalData.push(
        create(StringStringEntryProtoSchema, {
          key: random.pick(['location', 'offset', 'length']),
          value: random.pick(['..', '/', 'x', '-1', '0', '1e9']),
        }),
      );
      return;
    default: {
      // A number of 8 bytes, as shapes, axes and indices are.
      const raw = Uint8Array.from(tensor.rawData);
      const value = BigInt((random.once(3) ? -1 : 1) * random.pick(edges));
      const place = 8 * random.below(Math.floor(raw.length / 8));
      if (raw.length < 8) tensor.rawData = Uint8Array.from(mutateBytes(raw, random, raw));
      else new DataView(raw.buffer).setBigInt64(place, value, true);
      if (raw.length >= 8) tensor.rawData = raw;
    }
  }
}

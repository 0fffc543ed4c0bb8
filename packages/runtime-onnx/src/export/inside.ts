import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type TensorProto,
} from 'onnx-buf';
import { int64Tensor, nodeOf, SIZE } from './dynamic-batch.js';

/** The graph with an input drawn inside: standard normal numbers, different in each run. */
export function withDrawn(graph: GraphProto, name: string): GraphProto {
  const input = graph.input.find((input) => input.name === name)!;
  const type = input.type!.value;
  const dims = type.case === 'tensorType' ? (type.value.shape?.dim ?? []) : [];
  const constants: TensorProto[] = [];
  const parts = dims.map(({ value }, axis) => {
    if (value.case !== 'dimValue') return SIZE;
    constants.push(int64Tensor(`${name}:extent${axis}`, [value.value]));
    return `${name}:extent${axis}`;
  });
  const attribute = { name: 'axis', type: AttributeType.INT, i: 0n };
  const nodes = [
    nodeOf('Concat', parts, `${name}:shape`, [create(AttributeProtoSchema, attribute)]),
    nodeOf('ConstantOfShape', [`${name}:shape`], `${name}:zeros`),
    nodeOf('RandomNormalLike', [`${name}:zeros`], name),
  ];
  // Nodes come after those that they read.
  const size = graph.node.filter(({ output }) => output[0] === SIZE);
  return {
    ...graph,
    input: without(graph, name),
    initializer: [...graph.initializer, ...constants],
    node: [...size, ...nodes, ...graph.node.filter((node) => !size.includes(node))],
  };
}

/** The graph with an input that is a constant, float32. */
export function withConstant(graph: GraphProto, name: string, values: Float32Array<ArrayBuffer>): GraphProto {
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const dims = [BigInt(values.length)];
  const tensor = create(TensorProtoSchema, { name, dataType: DataType.FLOAT, dims, rawData });
  return { ...graph, input: without(graph, name), initializer: [...graph.initializer, tensor] };
}

/** The graph with one more input, `int64 [1]`. */
export function withCount(graph: GraphProto, name: string): GraphProto {
  const shape = { dim: [{ value: { case: 'dimValue' as const, value: 1n } }] };
  const type = { value: { case: 'tensorType' as const, value: { elemType: DataType.INT64, shape } } };
  return { ...graph, input: [create(ValueInfoProtoSchema, { name, type }), ...graph.input] };
}

function without({ input }: GraphProto, name: string): GraphProto['input'] {
  return input.filter((one) => one.name !== name);
}

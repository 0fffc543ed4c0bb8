import { create, toBinary } from '@bufbuild/protobuf';
import type { HostTensor, HostTensors } from '@flowmap/tensor';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as Type,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  TensorProto_DataType as DataType,
  ValueInfoProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { dataTypes, int64 } from '../../graph.js';

/** Value of an attribute; a plain number is an integer. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: TensorProto }
  | { readonly graph: GraphProto }
  | { readonly of: string; readonly type: Type };

function attributeOf([name, value]: [string, AttributeValue]): AttributeProto {
  const make = (rest: Partial<Omit<AttributeProto, '$typeName'>>): AttributeProto =>
    create(AttributeProtoSchema, { name, ...rest });
  if (typeof value === 'number') return make({ type: Type.INT, i: BigInt(value) });
  if (typeof value === 'string') return make({ type: Type.STRING, s: new TextEncoder().encode(value) });
  if ('float' in value) return make({ type: Type.FLOAT, f: value.float });
  if ('floats' in value) return make({ type: Type.FLOATS, floats: [...value.floats] });
  if ('tensor' in value) return make({ type: Type.TENSOR, t: value.tensor });
  if ('graph' in value) return make({ type: Type.GRAPH, g: value.graph });
  if ('of' in value) return make({ type: value.type, refAttrName: value.of });
  return make({ type: Type.INTS, ints: value.map(BigInt) });
}

export type Attributes = Readonly<Record<string, AttributeValue>>;

/** A node; its operator may have a domain before a colon. */
export function node(operator: string, input: string[], output: string[], attributes: Attributes = {}): NodeProto {
  const [domain, opType] = operator.includes(':') ? (operator.split(':') as [string, string]) : ['', operator];
  const attribute = Object.entries(attributes).map(attributeOf);
  return create(NodeProtoSchema, { opType, domain, name: `to ${output[0]}`, input, output, attribute });
}

/** An input or output; extents may be names, and an output may have no shape. */
export function value(name: string, type: DataType, shape?: readonly (number | string)[]): ValueInfoProto {
  const dim = shape?.map((extent) =>
    typeof extent === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(extent) } }
      : { value: { case: 'dimParam' as const, value: extent } },
  );
  const tensor = { elemType: type, ...(dim ? { shape: { dim } } : {}) };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: tensor } } });
}

/** A tensor of floats. */
export function floats(name: string, dims: readonly number[], values: readonly number[]): TensorProto {
  const rawData = new Uint8Array(Float32Array.from(values).buffer);
  return create(TensorProtoSchema, { name, dataType: DataType.FLOAT, dims: dims.map(BigInt), rawData });
}

/** A vector of int64, or a scalar. */
export function whole(name: string, values: readonly number[] | number): TensorProto {
  const list = typeof values === 'number' ? [values] : values;
  const dims = typeof values === 'number' ? [] : [BigInt(list.length)];
  const rawData = new Uint8Array(BigInt64Array.from(list, BigInt).buffer);
  return create(TensorProtoSchema, { name, dataType: DataType.INT64, dims, rawData });
}

/** The parts of a file. */
export interface FileParts {
  readonly nodes: NodeProto[];
  readonly inputs?: ValueInfoProto[];
  readonly outputs?: ValueInfoProto[];
  readonly tensors?: TensorProto[];
  readonly functions?: FunctionProto[];
  readonly opset?: number;
  /** Further domains. */
  readonly domains?: string[];
}

export function graph({ nodes, inputs = [], outputs, tensors = [] }: FileParts): GraphProto {
  const output = outputs ?? [value(nodes.at(-1)!.output[0]!, DataType.FLOAT)];
  return create(GraphProtoSchema, { name: 'graph', node: nodes, input: inputs, output, initializer: tensors });
}

/** The function `own:Scaled` of a model: its operand times its attribute `factor`, which a constant within it refers to. */
export function scaledFunction(): FunctionProto {
  return create(FunctionProtoSchema, {
    name: 'Scaled',
    domain: 'own',
    input: ['a'],
    output: ['b'],
    attribute: ['factor'],
    opsetImport: [{ domain: '', version: 17n }],
    node: [
      node('Constant', [], ['f'], { value_float: { of: 'factor', type: Type.FLOAT } }),
      node('Mul', ['a', 'f'], ['b']),
    ],
  });
}

/** The bytes of an ONNX file. */
export function file(parts: FileParts): Uint8Array<ArrayBuffer> {
  const { opset = 17, functions = [], domains = [] } = parts;
  const model = create(ModelProtoSchema, {
    irVersion: opset > 20 ? 10n : 8n,
    opsetImport: [
      { domain: '', version: BigInt(opset) },
      ...domains.map((domain) => ({ domain, version: 1n })),
    ],
    graph: graph(parts),
    functions,
  });
  return toBinary(ModelProtoSchema, model);
}

/** Inputs of a file for host tensors; integers are int64, as they mostly are. */
export function valuesOf(inputs: HostTensors): ValueInfoProto[] {
  return Object.entries(inputs).map(([name, { dtype, shape }]: [string, HostTensor]) => value(name, dtype === 'int32' ? int64 : dataTypes[dtype], shape));
}

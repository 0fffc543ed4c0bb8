import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  NodeProtoSchema,
  TensorProtoSchema,
  TensorProto_DataType as DataType,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import {
  halfToBits,
  isHalf,
  sameShape,
  sizeOf,
  type ConstantData,
  type DType,
  type Shape,
  type TensorSpec,
} from '@flowmap/tensor';

/** Value of a node's attribute: one integer, several integers, a string, or any number. */
export type Attribute = number | readonly number[] | string | { readonly float: number };

/** ONNX's number of each dtype. */
export const dataTypes: { readonly [D in DType]: DataType } = {
  float32: DataType.FLOAT,
  float16: DataType.FLOAT16,
  bfloat16: DataType.BFLOAT16,
  int32: DataType.INT32,
  bool: DataType.BOOL,
};

/** ONNX's number of the dtype of shapes and indices. */
export const int64 = DataType.INT64;

/** Collects the nodes and initializers of an ONNX graph; equal initializers are stored once. */
export class Graph {
  private readonly nodes: NodeProto[] = [];
  private readonly initializers: TensorProto[] = [];
  private readonly shared = new Map<string, string>();
  private readonly made = new Map<unknown, string>();
  private readonly computed = new Set<string>();
  private readonly renamed = new Map<string, string>();
  private readonly shapes = new Map<string, Shape>();
  /** Domains of the operators so far that are not standard. */
  readonly domains = new Set<string>();
  private count = 0;

  /**
   * Appends a node with one output and returns the output's name. Operators of other domains are named
   * `domain.Operator`.
   */
  node(opType: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const name = this.freshName();
    this.append(opType, inputs, name, attributes);
    this.computed.add(name);
    return name;
  }

  /** A value reshaped, or the value itself if it is known to have that shape already. */
  reshape(value: string, shape: Shape): string {
    const known = this.shapes.get(value);
    if (known !== undefined && sameShape(known, shape)) return value;
    return this.shaped(this.node('Reshape', [value, this.integers(shape)]), shape);
  }

  /** The value; records its shape for {@link reshape}. */
  shaped(value: string, shape: Shape): string {
    this.shapes.set(value, shape);
    return value;
  }

  /** Makes a value an output of the graph; copies it if it already is one or was not computed here. */
  output(name: string, value: string): void {
    if (this.computed.delete(value)) this.renamed.set(value, name);
    else this.append('Identity', [value], name, {});
  }

  /** An int64 vector: shapes, axes, bounds. */
  integers(values: readonly number[]): string {
    return this.share(`int64 [${values.length}] ${values.join()}`, () => ({
      dataType: DataType.INT64,
      dims: [values.length],
      data: BigInt64Array.from(values, BigInt),
    }));
  }

  /** A constant from row-major values, rounded to the dtype; equal short ones are stored once. */
  constant(data: ConstantData, { shape, dtype }: TensorSpec): string {
    const make = (): Initializer => ({
      dataType: dataTypes[dtype],
      dims: shape,
      data: rounded(data, dtype, sizeOf(shape)),
    });
    if (data.length > 64) return this.initializer(make());
    const values = Array.from(data, (value) => (Object.is(value, -0) ? '-0' : value)).join();
    return this.share(`${dtype} [${shape.join()}] ${values}`, make);
  }

  /** Calls `make` once for each key, an object or a string, and returns its result. */
  once(key: unknown, make: () => string): string {
    const known = this.made.get(key) ?? make();
    this.made.set(key, known);
    return known;
  }

  scalar(value: number, dtype: DType = 'float32'): string {
    return this.constant(Float64Array.of(value), { shape: [], dtype });
  }

  /** The finished graph. */
  finish(
    name: string,
    inputs: Readonly<Record<string, TensorSpec>>,
    outputs: Readonly<Record<string, TensorSpec>>,
  ): GraphProto {
    const nameOf = (value: string): string => this.renamed.get(value) ?? value;
    for (const node of this.nodes) {
      node.input = node.input.map(nameOf);
      node.output = node.output.map(nameOf);
    }
    return create(GraphProtoSchema, {
      name,
      node: this.nodes,
      initializer: this.initializers,
      input: Object.entries(inputs).map(valueInfo),
      output: Object.entries(outputs).map(valueInfo),
    });
  }

  private append(
    operator: string,
    input: readonly string[],
    name: string,
    attributes: Readonly<Record<string, Attribute>>,
  ): void {
    const attribute = Object.entries(attributes).map(attributeProto);
    const [, domain = '', opType] = /^(?:(.*)\.)?(.*)$/.exec(operator)!;
    if (domain !== '') this.domains.add(domain);
    this.nodes.push(
      create(NodeProtoSchema, { opType: opType!, domain, name, input: [...input], output: [name], attribute }),
    );
  }

  /** Starts with a character that names of inputs, states and outputs are unlikely to start with. */
  private freshName(): string {
    return `%${String(this.count++)}`;
  }

  private share(key: string, make: () => Initializer): string {
    const known = this.shared.get(key);
    if (known !== undefined) return known;
    const name = this.initializer(make());
    this.shared.set(key, name);
    return name;
  }

  private initializer({ dataType, dims, data }: Initializer): string {
    const name = this.freshName();
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.initializers.push(create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), rawData }));
    return name;
  }
}

interface Initializer {
  readonly dataType: DataType;
  readonly dims: readonly number[];
  readonly data:
    | BigInt64Array<ArrayBuffer>
    | Float32Array<ArrayBuffer>
    | Int32Array<ArrayBuffer>
    | Uint16Array<ArrayBuffer>
    | Uint8Array<ArrayBuffer>;
}

function rounded(data: ConstantData, dtype: DType, size: number): Initializer['data'] {
  if (isHalf(dtype)) {
    const bits = halfToBits(data, dtype);
    return data.length === size ? bits : new Uint16Array(size).fill(bits[0]!);
  }
  const type = dtype === 'float32' ? Float32Array : dtype === 'int32' ? Int32Array : Uint8Array;
  if (data.length !== size) return new type(size).fill(data[0]!);
  return data instanceof type && data.buffer instanceof ArrayBuffer
    ? (data as Float32Array<ArrayBuffer>)
    : type.from(data);
}

function attributeProto([name, value]: [string, Attribute]): AttributeProto {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  if (typeof value === 'object' && 'float' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  }
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  }
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

/** Declares an input or an output of a graph. */
export function valueInfo([name, { shape, dtype }]: [string, TensorSpec]): ValueInfoProto {
  const dim = shape.map((extent) => ({ value: { case: 'dimValue' as const, value: BigInt(extent) } }));
  const value = { elemType: dataTypes[dtype], shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
}

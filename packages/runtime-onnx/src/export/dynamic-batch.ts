import { create, equals } from '@bufbuild/protobuf';
import { UnsupportedError } from '@flowmap/tensor';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  NodeProtoSchema,
  TensorProtoSchema,
  TensorProto_DataType as DataType,
  TypeProto_TensorSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type TypeProto_Tensor,
} from 'onnx-buf';

const INT64: number = DataType.INT64;

/** One graph, traced at two batch sizes. */
export interface TracedTwice {
  readonly graphs: readonly [GraphProto, GraphProto];
  readonly batchSizes: readonly [number, number];
  /** The input whose first extent is the batch size, or one that is itself the batch size, `int64 [1]`. */
  readonly source: { readonly rowsOf: string } | { readonly value: string };
}

/** The name of the batch's extent in the shapes of inputs and outputs. */
export const BATCH = 'batch';

/** The value that holds the batch size, `int64 [1]`: the first node of a graph with a batch of any size. */
export const SIZE = '%batch';

/**
 * The graph for a batch of any size: the first of two, with every integer that is proportional to the batch size computed
 * from the extent of an input. The graphs may differ in nothing else.
 *
 * @throws {UnsupportedError} naming the operator that makes them differ in another way
 */
export function dynamicBatch({ graphs: [first, second], batchSizes, source }: TracedTwice): GraphProto {
  const readers = new Map<string, NodeProto[]>();
  for (const node of first.node) for (const name of node.input) readers.set(name, [...(readers.get(name) ?? []), node]);
  requireEqualNodes(first, second);

  const factorOf = (a: number | bigint, b: number | bigint): number | undefined => {
    const factor = Number(a) / batchSizes[0];
    return Number.isInteger(factor) && factor > 0 && Number(b) === factor * batchSizes[1] ? factor : undefined;
  };
  const sizes = sizeNodes(source);
  const initializer: TensorProto[] = [];
  first.initializer.forEach((tensor, i) => {
    const other = second.initializer[i]!;
    if (isEqual(tensor, other)) return initializer.push(tensor);
    const [reader] = readers.get(tensor.name) ?? [];
    const values = tensor.dataType === INT64 ? integersOf(tensor) : undefined;
    const read = readers.get(tensor.name) ?? [];
    if (values !== undefined) {
      const others = integersOf(other);
      const factors = values.map((value, j) => (value === others[j] ? undefined : factorOf(value, others[j]!)));
      const differing = values.flatMap((value, j) => (value === others[j] ? [] : [j]));
      if (others.length !== values.length || differing.some((j) => factors[j] === undefined))
        refuse(reader, 'an integer');
      const isInferred = differing.length === 1 && values.every((value) => value > 0);
      if (isInferred && read.every(({ opType, input }) => opType === 'Reshape' && input[1] === tensor.name)) {
        const inferred = values.map((value, j) => (j === differing[0] ? -1n : value));
        return initializer.push({ ...tensor, rawData: bytesOf(inferred) });
      }
      return sizes.vector(tensor.name, values, factors);
    }
    const row = repeatedRow(tensor, other, factorOf);
    if (row === undefined) return refuse(reader, 'a constant');
    const [, ...rest] = tensor.dims;
    initializer.push({ ...row, name: `${tensor.name}:row` });
    const shape = sizes.vector(`${tensor.name}:shape`, tensor.dims, [1, ...rest.map(() => undefined)]);
    return sizes.nodes.push(nodeOf('Expand', [`${tensor.name}:row`, shape], tensor.name));
  });

  const dynamic = ({ elemType, shape }: TypeProto_Tensor, other: TypeProto_Tensor): TypeProto_Tensor => {
    const dim = (shape?.dim ?? []).map(({ value, denotation }, axis) => {
      const there = other.shape?.dim[axis]?.value;
      const isBatch = value.case === 'dimValue' && there?.case === 'dimValue' && value.value !== there.value;
      return { denotation, value: isBatch ? { case: 'dimParam' as const, value: BATCH } : value };
    });
    return create(TypeProto_TensorSchema, { elemType, shape: { dim } });
  };
  for (const kind of ['input', 'output'] as const) {
    first[kind].forEach(({ type }, i) => {
      const [mine, theirs] = [type!.value, second[kind][i]!.type!.value];
      if (mine.case === 'tensorType' && theirs.case === 'tensorType') mine.value = dynamic(mine.value, theirs.value);
    });
  }
  return { ...first, node: [...sizes.nodes, ...first.node], initializer: [...initializer, ...sizes.constants] };
}

/** @throws {UnsupportedError} naming the first operator that differs, or has different inputs or attributes */
function requireEqualNodes(first: GraphProto, second: GraphProto): void {
  first.node.forEach((node, i) => {
    const other = second.node[i];
    if (other?.opType !== node.opType || other.input.join('\n') !== node.input.join('\n')) refuse(node, 'what it is');
    node.attribute.forEach((attribute, j) => {
      if (!equals(AttributeProtoSchema, attribute, other.attribute[j]!)) refuse(node, `its ${attribute.name}`);
    });
  });
  if (second.node.length > first.node.length) refuse(second.node[first.node.length], 'whether it is there');
}

function refuse(node: NodeProto | undefined, differs: string): never {
  const operator = node === undefined ? 'an output' : `operator ${node.opType} ('${node.name}')`;
  throw new UnsupportedError(
    'exportOnnx',
    `a batch of any size: ${operator} depends on the batch size by more than a factor (${differs} of it differs), which`,
    'give `batchSize` for a file of that batch size alone',
  );
}

/** Nodes that compute vectors of integers from the batch size, each number only once. */
function sizeNodes(source: TracedTwice['source']): {
  readonly nodes: NodeProto[];
  readonly constants: TensorProto[];
  readonly vector: (name: string, values: readonly bigint[], factors: readonly (number | undefined)[]) => string;
} {
  const first = [
    ['start', 0n],
    ['end', 1n],
  ] as const;
  const range = first.map(([name, i]) => create(AttributeProtoSchema, { name, type: AttributeType.INT, i }));
  const nodes = [
    'value' in source ? nodeOf('Identity', [source.value], SIZE) : nodeOf('Shape', [source.rowsOf], SIZE, range),
  ];
  const constants: TensorProto[] = [];
  const known = new Set<string>();
  const once = (name: string, make: () => void): string => {
    if (!known.has(name)) make();
    known.add(name);
    return name;
  };
  const constant = (values: readonly bigint[]): string => {
    const name = `%sizes:${values.join()}`;
    return once(name, () => constants.push(int64Tensor(name, values)));
  };
  const multiple = (factor: number): string => {
    const name = factor === 1 ? SIZE : `${SIZE}:${factor}`;
    if (factor === 1) return name;
    return once(name, () => nodes.push(nodeOf('Mul', [SIZE, constant([BigInt(factor)])], name)));
  };
  return {
    nodes,
    constants,
    vector(name, values, factors) {
      const parts = values.map((value, i) => {
        const factor = factors[i];
        return factor === undefined ? constant([value]) : multiple(factor);
      });
      const axis = create(AttributeProtoSchema, { name: 'axis', type: AttributeType.INT, i: 0n });
      nodes.push(nodeOf('Concat', parts, name, [axis]));
      return name;
    },
  };
}

/** A node with one output. */
export function nodeOf(
  opType: string,
  input: readonly string[],
  output: string,
  attribute: readonly AttributeProto[] = [],
): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    name: output,
    input: [...input],
    output: [output],
    attribute: [...attribute],
  });
}

/** An int64 vector. */
export function int64Tensor(name: string, values: readonly bigint[]): TensorProto {
  const dims = [BigInt(values.length)];
  return create(TensorProtoSchema, { name, dataType: DataType.INT64, dims, rawData: bytesOf(values) });
}

function bytesOf(values: readonly bigint[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(BigInt64Array.from(values).buffer);
}

function integersOf({ rawData }: TensorProto): bigint[] {
  return [...new BigInt64Array(rawData.slice().buffer)];
}

function isEqual(a: TensorProto, b: TensorProto): boolean {
  const isAlike = a.name === b.name && a.dataType === b.dataType && a.dims.join() === b.dims.join();
  return isAlike && isEqualData(a.rawData, b.rawData);
}

/** Whether two arrays hold the same bytes; immediately true if they are the same memory. */
function isEqualData(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  if (a.buffer === b.buffer && a.byteOffset === b.byteOffset) return true;
  return a.every((byte, i) => byte === b[i]);
}

/** The first row of two tensors that hold the same row for each sample; undefined for others. */
function repeatedRow(
  a: TensorProto,
  b: TensorProto,
  factorOf: (a: bigint, b: bigint) => number | undefined,
): TensorProto | undefined {
  const [rows, ...rest] = a.dims;
  const [otherRows, ...otherRest] = b.dims;
  if (a.name !== b.name || a.dataType !== b.dataType || rest.join() !== otherRest.join()) return undefined;
  if (rows === undefined || otherRows === undefined || factorOf(rows, otherRows) !== 1) return undefined;
  const length = a.rawData.byteLength / Number(rows);
  const row = a.rawData.slice(0, length);
  const repeats = ({ rawData }: TensorProto): boolean => rawData.every((byte, i) => byte === row[i % length]);
  return repeats(a) && repeats(b) ? { ...a, dims: [1n, ...rest], rawData: row } : undefined;
}

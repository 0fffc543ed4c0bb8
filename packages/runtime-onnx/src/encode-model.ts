import { create, toBinary } from '@bufbuild/protobuf';
import { UnsupportedError, type Program } from '@flowmap/tensor';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProtoSchema,
  type GraphProto,
  type TensorProto,
} from 'onnx-buf';

/** Values of a constant beside a model, which onnxruntime takes as a file of its external data. */
export interface ExternalConstant {
  readonly path: string;
  readonly data: Uint8Array;
}

/**
 * Operator set 17 (ONNX 1.12): the newest in which `ReduceMax` takes its axes as an attribute and `Pad` has no `axes`
 * input, which onnxruntime's transpose optimizer corrupts. Every onnxruntime since 1.12 runs it.
 */
const opset = 17;
const irVersion = 8;

/** Field numbers in `onnx.proto` of the fields that can be large. */
const fields = { graph: 7, initializer: 5, rawData: 9 };

/**
 * A model in ONNX's binary form. The result is the same as that of the protocol-buffers encoder, which copies each
 * large array once for every enclosing message; here each is written once, in place.
 *
 * @param domains domains of the non-standard operators
 * @param external if given, large constants are appended to it instead of being written into the model
 * @param metadata what the model says about itself
 */
export function encodeModel(
  graph: GraphProto,
  domains: Iterable<string> = [],
  external?: ExternalConstant[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(irVersion),
    producerName: 'flowmap',
    opsetImport: [
      { domain: '', version: BigInt(opset) },
      ...Array.from(domains, (domain) => ({ domain, version: 1n })),
    ],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
  const { name, node, input, output } = graph;
  const initializers = graph.initializer.flatMap((initializer) => {
    const { name, dataType, dims, rawData } = initializer;
    if (initializer.externalData.length > 0)
      return field(fields.initializer, [toBinary(TensorProtoSchema, initializer)]);
    if (external !== undefined && rawData.byteLength >= LEAST_EXTERNAL) {
      external.push({ path: name, data: rawData });
      return field(fields.initializer, [toBinary(TensorProtoSchema, referring(initializer))]);
    }
    const described = toBinary(TensorProtoSchema, create(TensorProtoSchema, { name, dataType, dims }));
    return field(fields.initializer, [described, ...field(fields.rawData, [rawData])]);
  });
  const rest = toBinary(GraphProtoSchema, create(GraphProtoSchema, { name, node, input, output }));
  return joined([toBinary(ModelProtoSchema, model), ...field(fields.graph, [rest, ...initializers])]);
}

/** Size in bytes from which a constant is worth storing separately. */
const LEAST_EXTERNAL = 2 ** 16;

/** A constant whose values are in a file of the same name. */
function referring({ name, dataType, dims, rawData }: TensorProto): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType,
    dims,
    dataLocation: DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: name },
      { key: 'offset', value: '0' },
      { key: 'length', value: String(rawData.byteLength) },
    ],
  });
}

/**
 * ONNX files are protocol buffers, which end at 2 GiB; a sixteenth of a GiB is reserved for everything but constants.
 */
const MOST_BYTES = 2 ** 31 - 2 ** 26;

/**
 * Refuses a program whose constants do not fit into a model, before any work is done.
 *
 * @throws {UnsupportedError} naming their size
 */
export function requireEncodable({ name, nodes }: Program): void {
  const bytesOf = { float32: 4, bfloat16: 4, float16: 2, int32: 4, bool: 1 };
  const bytes = nodes.reduce(
    (sum, node) => sum + (node.is('constant') && node.attributes.data.length > 1 ? node.size * bytesOf[node.dtype] : 0),
    0,
  );
  if (bytes <= MOST_BYTES) return;
  throw new UnsupportedError(
    'onnx',
    `program '${name}' with ${(bytes / 2 ** 30).toFixed(2)} GiB of constants`,
    'an ONNX model holds 2 GiB: keep parameters as state, in a sampler with `frozen: false`',
  );
}

/** A field that holds bytes: its number, their length, and the bytes themselves. */
function field(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const LENGTH_DELIMITED = 2;
  const length = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return [Uint8Array.from([...varint((number << 3) | LENGTH_DELIMITED), ...varint(length)]), ...parts];
}

/** Seven bits per byte, the lowest first, with the eighth set if more follow. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

import { create } from '@bufbuild/protobuf';
import { halfToBits, UnsupportedError } from '@flowmap/tensor';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from 'onnx-buf';
import { nodeOf } from './dynamic-batch.js';

/** How a file holds the weights; everything is computed in float32. */
export type Precision = 'float32' | 'float16' | 'int8';

const FLOAT: number = DataType.FLOAT;

/**
 * Number of values from which a constant is stored with fewer bits: biases and norms take up little space,
 * and matter more.
 */
const LEAST = 1024;

/**
 * The graph with its large weights in fewer bits: in float16, cast where they are used, or as int8 with a scale for
 * each channel of the result, from which `DequantizeLinear` makes float32. Everything is computed in float32.
 *
 * @throws {UnsupportedError} for weights out of float16's range
 */
export function withPrecision(graph: GraphProto, precision: Precision): GraphProto {
  if (precision === 'float32') return graph;
  const nodes: NodeProto[] = [];
  const initializer = graph.initializer.flatMap((tensor) => {
    const { name, dataType, dims, rawData } = tensor;
    if (dataType !== FLOAT || dims.length < 2 || rawData.byteLength < 4 * LEAST) return [tensor];
    const values = new Float32Array(rawData.buffer, rawData.byteOffset, rawData.byteLength / 4);
    if (precision === 'float16') {
      nodes.push(nodeOf('Cast', [`${name}:half`], name, [integer('to', DataType.FLOAT)]));
      return [halves(`${name}:half`, dims, values)];
    }
    // The channels of a result: the columns of a matrix, the first extent of a convolution's kernel.
    const axis = dims.length === 4 ? 0 : dims.length - 1;
    const { data, scales } = quantized(values, dims.map(Number), axis);
    nodes.push(nodeOf('DequantizeLinear', [`${name}:int8`, `${name}:scale`], name, [integer('axis', axis)]));
    const bytes = new Uint8Array(scales.buffer);
    return [
      create(TensorProtoSchema, { name: `${name}:int8`, dataType: DataType.INT8, dims, rawData: data }),
      create(TensorProtoSchema, { name: `${name}:scale`, dataType, dims: [BigInt(scales.length)], rawData: bytes }),
    ];
  });
  return { ...graph, initializer, node: [...nodes, ...graph.node] };
}

function integer(name: string, i: number): ReturnType<typeof create<typeof AttributeProtoSchema>> {
  return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(i) });
}

function halves(name: string, dims: bigint[], values: Float32Array): TensorProto {
  const beyond = values.find((value) => Math.abs(value) >= 65520);
  if (beyond !== undefined) {
    throw new UnsupportedError(
      'exportOnnx',
      `float16 for a weight of ${beyond}`,
      'its largest number is 65504: use int8',
    );
  }
  const bits = halfToBits(values, 'float16');
  const rawData = new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength);
  return create(TensorProtoSchema, { name, dataType: DataType.FLOAT16, dims, rawData });
}

/** Values as multiples, -127 to 127, of a scale for each index of an axis. */
function quantized(
  values: Float32Array,
  shape: readonly number[],
  axis: number,
): { readonly data: Uint8Array<ArrayBuffer>; readonly scales: Float32Array<ArrayBuffer> } {
  const channels = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((size, extent) => size * extent, 1);
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const scales = new Float32Array(channels);
  values.forEach((value, i) => {
    const channel = channelOf(i);
    scales[channel] = Math.max(scales[channel]!, Math.abs(value) / 127);
  });
  const data = Int8Array.from(values, (value, i) => {
    const scale = scales[channelOf(i)]!;
    return scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(value / scale)));
  });
  return { data: new Uint8Array(data.buffer), scales };
}

import type { DType, HostData, HostTensor } from '@flowmap/tensor';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import type { Ort } from './load-ort.js';
import { hostDataOf, toOrt } from './memory.js';

/** An ONNX element type that host tensors can represent. */
export interface ElementType {
  readonly name: OrtTensor.Type;
  /** The dtype of host tensors that represent it. */
  readonly dtype: DType;
  /** The first number of a host tensor that this type cannot represent. */
  readonly firstOutside: (data: HostData) => number | undefined;
}

interface IntegerType {
  readonly array:
    | typeof Int8Array
    | typeof Uint8Array
    | typeof Int16Array
    | typeof Uint16Array
    | typeof Uint32Array
    | typeof BigInt64Array
    | typeof BigUint64Array;
  readonly least: number;
  readonly largest: number;
}

const INT32 = { least: -(2 ** 31), largest: 2 ** 31 - 1 };

/** Integer types besides int32, with the range of int32 that they can hold. */
const integers: Readonly<Partial<Record<OrtTensor.Type, IntegerType>>> = {
  int8: { array: Int8Array, least: -128, largest: 127 },
  uint8: { array: Uint8Array, least: 0, largest: 255 },
  int16: { array: Int16Array, least: -(2 ** 15), largest: 2 ** 15 - 1 },
  uint16: { array: Uint16Array, least: 0, largest: 2 ** 16 - 1 },
  uint32: { array: Uint32Array, least: 0, largest: INT32.largest },
  int64: { array: BigInt64Array, ...INT32 },
  uint64: { array: BigUint64Array, least: 0, largest: INT32.largest },
};

const dtypes: Readonly<Partial<Record<string, DType>>> = {
  float32: 'float32',
  float64: 'float32',
  float16: 'float16',
  bool: 'bool',
  int32: 'int32',
};

/** An element type by onnxruntime's name for it; undefined if host tensors have no equivalent. */
export function elementType(name: string): ElementType | undefined {
  const type = name as OrtTensor.Type;
  const integer = integers[type];
  const dtype = integer ? 'int32' : dtypes[name];
  if (dtype === undefined) return undefined;
  const firstOutside: ElementType['firstOutside'] = (data) =>
    integer && data.find((value) => value < integer.least || value > integer.largest);
  return { name: type, dtype, firstOutside };
}

/** A host tensor of the type's dtype in the form that a model takes. */
export function toElements(ort: Ort, { name }: ElementType, tensor: HostTensor): OrtTensor {
  const { data, shape } = tensor;
  const integer = integers[name];
  if (integer === undefined && name !== 'float64') return toOrt(ort, tensor);
  const isBig = name === 'int64' || name === 'uint64';
  const elements =
    integer === undefined
      ? Float64Array.from(data)
      : isBig
        ? (integer.array as typeof BigInt64Array).from(data, BigInt)
        : (integer.array as typeof Int8Array).from(data);
  return new ort.Tensor(name, elements, [...shape]);
}

/**
 * A model's result as a host tensor owned by the caller, or the reason why it cannot be one, as the end of a sentence.
 */
export function fromElements({ type, dims, data }: OrtTensor): HostTensor | string {
  const shape = [...dims];
  if (shape.includes(0)) return `is empty, of shape [${shape.join(', ')}]; host tensors are not`;
  const dtype = elementType(type)?.dtype;
  if (dtype === undefined) return `has elements of type ${type}, which host tensors cannot hold`;
  if (integers[type] === undefined) return { shape, dtype, data: hostDataOf(type, data) };
  const elements = data as Iterable<number | bigint>;
  const values = new Int32Array(data.length);
  let at = 0;
  for (const element of elements) {
    if (element < INT32.least || element > INT32.largest) return `holds ${element}, which is beyond int32`;
    values[at++] = Number(element);
  }
  return { shape, dtype, data: values };
}

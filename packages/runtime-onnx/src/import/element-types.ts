import { halfFromBits, roundTo, type DType } from '@flowmap/tensor';
import { TensorProto_DataType as DataType } from 'onnx-buf';

/** Numbers in host memory; 64-bit integers are doubles, and halves floats. */
export type Numbers =
  | Float64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** An element type of ONNX, and what represents it here. */
export interface ElementType {
  /** ONNX's number of it. */
  readonly number: number;
  readonly name: string;
  /** The dtype of symbolic tensors that stand for it: integers of any size are `int32`, float64 is `float32`. */
  readonly dtype: DType;
  readonly isFloat: boolean;
  /** Bytes of an element in a file. */
  readonly bytes: number;
  /** An array for numbers of this type; writing rounds or wraps to it, except for 64-bit integers and halves. */
  readonly make: (length: number) => Numbers;
  /** A number as this type holds it. */
  readonly round: (value: number) => number;
  /** Elements from their little-endian bytes, in an array of its own. */
  readonly decode: (bytes: Uint8Array) => Numbers;
}

/** The bytes in a buffer of their own, which starts where arrays of any type may start. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

function bigNumbers(values: BigInt64Array | BigUint64Array): Float64Array<ArrayBuffer> {
  return Float64Array.from(values as Iterable<bigint>, Number);
}

const same = (value: number): number => value;

type Entry = Omit<ElementType, 'number' | 'name' | 'isFloat'>;

const floatOf = (dtype: 'float16' | 'bfloat16'): Entry => ({
  dtype,
  bytes: 2,
  make: (length) => new Float32Array(length),
  round: (value) => roundTo(value, dtype),
  decode: (bytes) => Float32Array.from(halfFromBits(new Uint16Array(aligned(bytes)), dtype)),
});

const integerOf = (
  type:
    | typeof Int32Array
    | typeof Uint32Array
    | typeof Int16Array
    | typeof Uint16Array
    | typeof Int8Array
    | typeof Uint8Array,
): Entry => ({
  dtype: 'int32',
  bytes: type.BYTES_PER_ELEMENT,
  make: (length) => new type(length),
  round: same,
  decode: (bytes) => new type(aligned(bytes)),
});

const bigOf = (type: typeof BigInt64Array | typeof BigUint64Array): Entry => ({
  dtype: 'int32',
  bytes: 8,
  make: (length) => new Float64Array(length),
  round: same,
  decode: (bytes) => bigNumbers(new type(aligned(bytes))),
});

const entries: Readonly<Partial<Record<number, readonly [name: string, entry: Entry]>>> = {
  [DataType.FLOAT]: [
    'float32',
    {
      dtype: 'float32',
      bytes: 4,
      make: (length) => new Float32Array(length),
      round: Math.fround,
      decode: (bytes) => new Float32Array(aligned(bytes)),
    },
  ],
  [DataType.DOUBLE]: [
    'float64',
    {
      dtype: 'float32',
      bytes: 8,
      make: (length) => new Float64Array(length),
      round: same,
      decode: (bytes) => new Float64Array(aligned(bytes)),
    },
  ],
  [DataType.FLOAT16]: ['float16', floatOf('float16')],
  [DataType.BFLOAT16]: ['bfloat16', floatOf('bfloat16')],
  [DataType.INT64]: ['int64', bigOf(BigInt64Array)],
  [DataType.UINT64]: ['uint64', bigOf(BigUint64Array)],
  [DataType.INT32]: ['int32', integerOf(Int32Array)],
  [DataType.UINT32]: ['uint32', integerOf(Uint32Array)],
  [DataType.INT16]: ['int16', integerOf(Int16Array)],
  [DataType.UINT16]: ['uint16', integerOf(Uint16Array)],
  [DataType.INT8]: ['int8', integerOf(Int8Array)],
  [DataType.UINT8]: ['uint8', integerOf(Uint8Array)],
  [DataType.BOOL]: [
    'bool',
    {
      dtype: 'bool',
      bytes: 1,
      make: (length) => new Uint8Array(length),
      round: (value) => (value === 0 ? 0 : 1),
      decode: (bytes) => Uint8Array.from(bytes, (byte) => (byte === 0 ? 0 : 1)),
    },
  ],
};

const types = new Map<number, ElementType>(
  Object.entries(entries).map(([key, [name, entry] = [] as never]) => {
    const { dtype } = entry;
    return [Number(key), { ...entry, number: Number(key), name, isFloat: dtype !== 'int32' && dtype !== 'bool' }];
  }),
);

/** An element type by ONNX's number; undefined if nothing represents it: strings, complex numbers, 4 bits. */
export function elementTypeOf(number: number): ElementType | undefined {
  return types.get(number);
}

/** ONNX's own name of an element type, for messages. */
export function nameOfType(number: number): string {
  return types.get(number)?.name ?? DataType[number]?.toLowerCase() ?? `number ${number}`;
}

export const BOOL = types.get(DataType.BOOL)!;
export const INT64 = types.get(DataType.INT64)!;
export const FLOAT = types.get(DataType.FLOAT)!;

import {
  halfFromBits,
  halfToBits,
  hostTensor,
  isHalf,
  type HalfDType,
  type HostTensor,
  type Shape,
} from '@flowmap/tensor';

/** A number format of safetensors files that can be read. */
export interface StoredType {
  /** Bytes of one element. */
  readonly width: number;
  /**
   * Makes a host tensor from little-endian values.
   *
   * @param bytes at offset 0 of their own buffer, `width` times the number of elements
   * @returns undefined if a value is not valid for the type, or not one that int32 holds
   */
  decode(shape: Shape, bytes: Uint8Array<ArrayBuffer>): HostTensor | undefined;
}

/** Every dtype that {@link decodeSafetensors} understands, by its name in the file. */
export const storedTypes: ReadonlyMap<string, StoredType> = new Map<string, StoredType>([
  ['F64', { width: 8, decode: (shape, { buffer }) => hostTensor(shape, new Float64Array(buffer)) }],
  ['F32', { width: 4, decode: (shape, { buffer }) => hostTensor(shape, new Float32Array(buffer)) }],
  // Files use these types for indices, such as positions and classes.
  ['I64', { width: 8, decode: (shape, { buffer }) => wholes(shape, new BigInt64Array(buffer)) }],
  ['I32', { width: 4, decode: (shape, { buffer }) => hostTensor(shape, new Int32Array(buffer)) }],
  ['F16', { width: 2, decode: (shape, { buffer }) => halves(shape, buffer, 'float16') }],
  ['BF16', { width: 2, decode: (shape, { buffer }) => halves(shape, buffer, 'bfloat16') }],
  ['U8', { width: 1, decode: (shape, bytes) => hostTensor(shape, Int32Array.from(bytes)) }],
  ['BOOL', { width: 1, decode: (shape, bytes) => (bytes.every((b) => b <= 1) ? hostTensor(shape, bytes) : undefined) }],
]);

/** Name of the stored type that keeps every bit of a tensor. */
export function storedTypeOf({ dtype, data }: HostTensor): 'F64' | 'F32' | 'F16' | 'BF16' | 'I32' | 'BOOL' {
  if (isHalf(dtype)) return dtype === 'float16' ? 'F16' : 'BF16';
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof Float32Array) return 'F32';
  return data instanceof Int32Array ? 'I32' : 'BOOL';
}

/** The little-endian values of a tensor as they are stored. */
export function bytesOf({ dtype, data }: HostTensor): Uint8Array {
  const stored = isHalf(dtype) ? halfToBits(data, dtype) : data;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

function wholes(shape: Shape, values: BigInt64Array): HostTensor | undefined {
  const held = Int32Array.from(values, Number);
  return held.every((value, i) => BigInt(value) === values[i]) ? hostTensor(shape, held) : undefined;
}

function halves(shape: Shape, buffer: ArrayBuffer, dtype: HalfDType): HostTensor {
  return { shape, dtype, data: halfFromBits(new Uint16Array(buffer), dtype) };
}

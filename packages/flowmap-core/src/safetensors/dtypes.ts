import { hostTensor, type HostData, type HostTensor, type Shape } from '@flowmap/tensor';

/** A number format of safetensors files that can be read. */
export interface StoredType {
  /** Bytes of one element. */
  readonly width: number;
  /**
   * Makes a host tensor of little-endian values.
   *
   * @param bytes at offset 0 of a buffer of their own, `width` times the number of elements
   * @returns undefined when a value is none of the type's
   */
  decode(shape: Shape, bytes: Uint8Array<ArrayBuffer>): HostTensor | undefined;
}

/** Every dtype that {@link decodeSafetensors} understands, by its name in the file. */
export const storedTypes: ReadonlyMap<string, StoredType> = new Map<string, StoredType>([
  ['F64', { width: 8, decode: (shape, { buffer }) => hostTensor(shape, new Float64Array(buffer)) }],
  ['F32', { width: 4, decode: (shape, { buffer }) => hostTensor(shape, new Float32Array(buffer)) }],
  ['I32', { width: 4, decode: (shape, { buffer }) => hostTensor(shape, new Int32Array(buffer)) }],
  ['F16', { width: 2, decode: (shape, { buffer }) => hostTensor(shape, fromHalf(new Uint16Array(buffer))) }],
  ['BF16', { width: 2, decode: (shape, { buffer }) => hostTensor(shape, fromBfloat16(new Uint16Array(buffer))) }],
  ['U8', { width: 1, decode: (shape, bytes) => hostTensor(shape, Int32Array.from(bytes)) }],
  ['BOOL', { width: 1, decode: (shape, bytes) => (bytes.every((b) => b <= 1) ? hostTensor(shape, bytes) : undefined) }],
]);

/** Name of the stored type that keeps every bit of an array. */
export function storedTypeOf(data: HostData): 'F64' | 'F32' | 'I32' | 'BOOL' {
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof Float32Array) return 'F32';
  return data instanceof Int32Array ? 'I32' : 'BOOL';
}

/** IEEE 754 half precision: 1 sign, 5 exponent (bias 15) and 10 fraction bits. */
function fromHalf(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** The upper half of a float32. */
function fromBfloat16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (upper) => upper << 16).buffer);
}

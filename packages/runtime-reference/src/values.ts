import type { DType } from '@flowmap/tensor';

/** Memory of a tensor, row-major: floats are computed in double precision, bool is 0 or 1. */
export type Values = Float64Array | Int32Array | Uint8Array;

/** Zeros. */
export function allocate(dtype: DType, size: number): Values {
  if (dtype === 'int32') return new Int32Array(size);
  return dtype === 'bool' ? new Uint8Array(size) : new Float64Array(size);
}

import { DTypeError } from '../errors.js';
import type { Shape } from './shape.js';

/**
 * `float32` is the runtime's working precision (float64 in the reference runtime); `float16` and `bfloat16` are rounded
 * after every operation; `bool` is stored as bytes 0 and 1.
 */
export type DType = FloatDType | 'int32' | 'bool';

/** Every dtype there is. */
export const dtypes: readonly DType[] = ['float32', 'float16', 'bfloat16', 'int32', 'bool'];

/** Dtypes that have derivatives. */
export type FloatDType = 'float32' | HalfDType;

/** Two-byte floats: IEEE 754 half precision, and the upper half of a float32. */
export type HalfDType = 'float16' | 'bfloat16';

/**
 * True for the dtypes that have derivatives; matrix products, convolutions and functions such as `exp` accept no
 * others.
 */
export function isFloat(dtype: string): dtype is FloatDType {
  return dtype === 'float32' || isHalf(dtype);
}

/** True for the two-byte floats. */
export function isHalf(dtype: string): dtype is HalfDType {
  return dtype === 'float16' || dtype === 'bfloat16';
}

/** Shape and dtype: what is known of a tensor before a program runs. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Throws a {@link DTypeError} for numbers that int32 or bool would change: fractions, numbers out of range, NaN. */
export function requireValues(
  operation: string,
  dtype: DType,
  values: readonly number[] | Float32Array | Float64Array,
): void {
  if (isFloat(dtype)) return;
  const holdsValue = (value: number): boolean =>
    dtype === 'bool' ? value === 0 || value === 1 : value === (value | 0);
  const wrong = values.findIndex((value) => !holdsValue(value));
  if (wrong >= 0) throw new DTypeError(operation, `values of dtype ${dtype}`, [String(values[wrong])]);
}

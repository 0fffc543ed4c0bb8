import { isFloat, type HalfDType } from '../graph/dtype.js';
import type { HostTensor } from '../runtime/host-tensor.js';
import { specText } from '../program/program.js';
import { sameShape } from '../graph/shape.js';

/** What a derivative costs in precision: how often the function was differentiated. */
export type Order = 0 | 1 | 2;

/** The errors of a result. */
export interface Errors {
  /** The greatest difference. */
  readonly absolute: number;
  /** That difference, in units of the largest expected magnitude. */
  readonly relative: number;
}

/** Accepted errors by {@link Order}. */
export type Tolerances = readonly [number, number, number];

/**
 * Largest accepted error by order of derivative, relative to the largest expected magnitude (or 1). A float32 operation
 * rounds by 6e-8 relative; the longest chains of the suite have about ten operations, some back ends approximate erf
 * and tanh to 2e-7, and each differentiation multiplies by factors of up to about 5. Doubles round by 1e-16 and get the
 * same headroom.
 */
export const tolerances: Readonly<Record<'float32' | 'float64', Tolerances>> = {
  float32: [5e-6, 2e-5, 1e-4],
  float64: [1e-13, 1e-12, 1e-11],
};

/**
 * The same for computations in halves, in units of their rounding of 2^-11 and 2^-8. Both sides round after every
 * operation, and differ by a few units if a last digit tips the other way, or if one of them fuses operations and
 * rounds less often.
 */
export const halfTolerances: Readonly<Record<HalfDType, Tolerances>> = {
  float16: [8 * 2 ** -11, 16 * 2 ** -11, 32 * 2 ** -11],
  bfloat16: [8 * 2 ** -8, 16 * 2 ** -8, 32 * 2 ** -8],
};

/**
 * The greatest difference between two tensors relative to the largest finite expected magnitude, or to 1 if that is
 * less.
 */
export function relativeError(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let scale = 1;
  let difference = 0;
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [got[i]!, wanted[i]!];
    if (Object.is(a, b)) continue;
    difference = Math.max(difference, Math.abs(a - b));
    if (Number.isFinite(b)) scale = Math.max(scale, Math.abs(b));
  }
  return Number.isNaN(difference) ? Infinity : difference / scale;
}

/** The greatest difference between two tensors, and the same relative to the largest finite expected magnitude. */
export function errorsOf(got: ArrayLike<number>, wanted: ArrayLike<number>): Errors {
  let scale = 0;
  let absolute = 0;
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [got[i]!, wanted[i]!];
    if (Number.isFinite(b)) scale = Math.max(scale, Math.abs(b));
    if (!Object.is(a, b)) absolute = Math.max(absolute, Number.isNaN(a - b) ? Infinity : Math.abs(a - b));
  }
  return { absolute, relative: absolute === 0 ? 0 : absolute / scale };
}

/**
 * Describes how two tensors differ, or returns undefined if they do not: shapes and dtypes must be equal, whole numbers
 * and bools exactly equal, floats equal up to the tolerance; infinities and NaN must be in the same places.
 */
export function mismatch(got: HostTensor, wanted: HostTensor, tolerance: number): string | undefined {
  if (!sameShape(got.shape, wanted.shape) || got.dtype !== wanted.dtype) {
    return `wanted ${specText(wanted)}, got ${specText(got)}`;
  }
  if (got.data.length !== wanted.data.length) {
    return `wanted ${String(wanted.data.length)} values, got ${String(got.data.length)}`;
  }
  const error = relativeError(got.data, wanted.data);
  const accepted = isFloat(wanted.dtype) ? tolerance : 0;
  if (error <= accepted) return undefined;
  return `relative error ${error.toExponential(1)} > ${accepted.toExponential(1)}: wanted ${head(wanted)}, got ${head(got)}`;
}

function head({ data }: HostTensor): string {
  const numbers = Array.from(data.subarray(0, 6), (x) => String(Number(x.toPrecision(7))));
  return `[${numbers.join(', ')}${data.length > 6 ? ', …' : ''}]`;
}

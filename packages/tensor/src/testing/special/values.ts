import { type DType, isFloat, type FloatDType } from '../../graph/dtype.js';
import { hostTensor, type HostTensor } from '../../runtime/host-tensor.js';
import { sizeOf, type Shape } from '../../graph/shape.js';

/** The bounds of a float's range. */
interface Range {
  readonly largest: number;
  readonly smallestNormal: number;
  readonly smallest: number;
}

export const ranges: Readonly<Record<FloatDType, Range>> = {
  float32: { largest: (2 - 2 ** -23) * 2 ** 127, smallestNormal: 2 ** -126, smallest: 2 ** -149 },
  float16: { largest: 65504, smallestNormal: 2 ** -14, smallest: 2 ** -24 },
  bfloat16: { largest: (2 - 2 ** -7) * 2 ** 127, smallestNormal: 2 ** -126, smallest: 2 ** -133 },
};

/** The numbers at which a kernel may silently go wrong, and some ordinary ones. */
export function specialValues(dtype: DType): readonly number[] {
  if (dtype === 'bool') return [0, 1];
  if (dtype === 'int32') return [0, 1, -1, 2, -3, 46341, 65537, 16_777_217, 2 ** 31 - 1, -(2 ** 31 - 1), -(2 ** 31)];
  const { largest, smallestNormal, smallest } = ranges[dtype];
  const sizes = [Infinity, 0, 1e-7, 100, largest, smallestNormal, smallest];
  return [NaN, 0.5, -1.5, ...sizes.flatMap((size) => [size, -size])];
}

/** A tensor whose elements repeat some numbers over and over. */
export function repeating(shape: Shape, values: readonly number[], dtype: DType): HostTensor {
  return hostTensor(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => values[i % values.length]!),
    dtype,
  );
}

/** Ordinary numbers of a dtype; floats are positive, so that their sums do not cancel. */
const ordinary = (i: number, dtype: DType): number =>
  dtype === 'bool' ? i % 2 : dtype === 'int32' ? (i % 5) + 1 : [0.5, 0.25, 0.125, 1, 0.75][i % 5]!;

/** A tensor of ordinary numbers. */
export function ordinaries(shape: Shape, dtype: DType): HostTensor {
  return hostTensor(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => ordinary(i, dtype)),
    dtype,
  );
}

/** Ordinary numbers except in some places. */
export function withSpecials(shape: Shape, places: Readonly<Record<number, number>>, dtype: DType): HostTensor {
  const data = Array.from({ length: sizeOf(shape) }, (_, i) => places[i] ?? ordinary(i, dtype));
  return hostTensor(shape, data, dtype);
}

/**
 * `[rows, count]`: each row has a special number at the start, in the middle or at the end; then come rows with several
 * of them.
 */
export function specialRows(count: number, dtype: DType): HostTensor {
  const values = specialValues(dtype);
  const places = [0, Math.floor(count / 2), count - 1];
  const rows = values.flatMap((value) => places.map((place) => rowOf(count, { [place]: value }, dtype)));
  const whole = (value: number): number[] => new Array<number>(count).fill(value);
  if (isFloat(dtype)) {
    const { largest, smallest } = ranges[dtype];
    rows.push(
      rowOf(count, { 1: Infinity, 3: -Infinity }, dtype),
      rowOf(count, { 1: NaN, 3: Infinity }, dtype),
      rowOf(count, { 2: -Infinity, 4: NaN }, dtype),
      rowOf(count, { 2: NaN, 4: NaN }, dtype),
      rowOf(count, { 0: largest, [count - 1]: largest }, dtype),
      rowOf(count, { 0: -largest, [count - 1]: -largest }, dtype),
      ...[NaN, Infinity, -Infinity, -0, smallest].map(whole),
    );
  }
  if (dtype === 'int32') rows.push(...[2 ** 31 - 1, -(2 ** 31)].map(whole));
  return hostTensor([rows.length, count], rows.flat(), dtype);
}

function rowOf(count: number, places: Readonly<Record<number, number>>, dtype: DType): number[] {
  return Array.from({ length: count }, (_, i) => places[i] ?? ordinary(i, dtype));
}

import type { Emitter, Value } from '../emitter.js';
import { argMaxBy } from '../lowerings/contractions.js';
import type { Lowering } from '../lowerings/lowering.js';
import { binary, reduce, reduceRuns } from '../operations/arithmetic.js';
import { concat, reshape, slice } from '../operations/layout.js';

/** Sums; those of integers by halves, since the kernels add in float32, which is exact up to 2^24. */
export const sum: Lowering<'sum'> = (emit, [x], { axes, keepDims }) =>
  x!.dtype === 'int32'
    ? reduceRuns(emit, x!, axes, keepDims, (runs) => byHalves(emit, 'Add', runs))
    : reduce(emit, 'Sum', x!, axes, keepDims);

/** Maximum by halves: WebGL's kernel starts from -1e20 and returns that if all elements are less. */
export const reduceMax: Lowering<'reduceMax'> = (emit, [x], { axes, keepDims }) => largest(emit, x!, axes, keepDims);

export const argMax = argMaxBy((emit, x) => largest(emit, x, [1], true));

function largest(emit: Emitter, x: Value, axes: readonly number[], keepDims: boolean): Value {
  return reduceRuns(emit, x, axes, keepDims, (runs) => byHalves(emit, 'Maximum', runs));
}

/** Sum or maximum over the middle axis of `[outer, count, inner]`. */
function byHalves(emit: Emitter, kernel: 'Add' | 'Maximum', x: Value): Value {
  const [outer, count, inner] = x.shape as [number, number, number];
  if (count === 1) return reshape(emit, x, [outer, inner]);
  const half = Math.floor(count / 2);
  const part = (start: number, end: number): Value => slice(emit, x, [0, start, 0], [outer, end, inner]);
  const sums = binary(emit, kernel, part(0, half), part(half, 2 * half));
  return byHalves(emit, kernel, count % 2 === 0 ? sums : concat(emit, [sums, part(count - 1, count)], 1));
}

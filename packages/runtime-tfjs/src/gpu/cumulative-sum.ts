import type { Lowering } from '../lowerings/lowering.js';
import type { Emitter, Value } from '../emitter.js';
import { binary } from '../operations/arithmetic.js';
import { pad, slice } from '../operations/layout.js';
import { fromLines, linesAlong } from '../operations/lines.js';

/**
 * Cumulative sums by doubling: each element adds the one 1 before it, then 2 before, 4 before, and so on. WebGPU's
 * kernel compiles the axis length into its program, but then reuses the program for any length.
 */
export const cumulativeSum: Lowering<'cumsum'> = (emit, [x], { axis, exclusive, reverse }) => {
  const lines = linesAlong(emit, x!, axis);
  const count = lines.shape[1]!;
  let sums = exclusive ? shifted(emit, lines, 1, reverse) : lines;
  for (let distance = 1; distance < count; distance *= 2) {
    sums = binary(emit, 'Add', sums, shifted(emit, sums, distance, reverse));
  }
  return fromLines(emit, sums, axis, x!.shape);
};

/** Lines shifted towards their end, or their start with `reverse`; vacated places become zero. */
function shifted(emit: Emitter, lines: Value, distance: number, reverse: boolean): Value {
  const [rows, count] = lines.shape as [number, number];
  if (distance >= count) return emit.constant(lines, Float64Array.of(0));
  const kept = reverse
    ? slice(emit, lines, [0, distance], [rows, count])
    : slice(emit, lines, [0, 0], [rows, count - distance]);
  return pad(emit, kept, [0, reverse ? 0 : distance], [0, reverse ? distance : 0]);
}

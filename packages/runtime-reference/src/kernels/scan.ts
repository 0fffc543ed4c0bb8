import { sizeOf, type Tensor } from '@flowmap/tensor';
import type { KernelRule } from './kernel.js';

/** The axis as the middle one of three: `outer x count x inner` in memory. */
function linesOf({ shape }: Tensor, axis: number): { outer: number; count: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), count: shape[axis]!, inner: sizeOf(shape.slice(axis + 1)) };
}

/** NaN counts as greater than every number. */
const isGreater = (a: number, b: number): boolean => a > b || (Number.isNaN(a) && !Number.isNaN(b));

export const argMax: KernelRule<'argMax'> = ({ operands: [x], attributes: { axis } }) => {
  const { outer, count, inner } = linesOf(x!, axis);
  return ([values], out) => {
    for (let i = 0; i < outer * inner; i++) {
      const start = Math.floor(i / inner) * count * inner + (i % inner);
      let best = 0;
      for (let j = 1; j < count; j++)
        if (isGreater(values![start + j * inner]!, values![start + best * inner]!)) best = j;
      out[i] = best;
    }
  };
};

export const cumsum: KernelRule<'cumsum'> = (node) => {
  const { axis, exclusive, reverse } = node.attributes;
  const { outer, count, inner } = linesOf(node, axis);
  return ([values], out) => {
    for (let i = 0; i < outer * inner; i++) {
      const start = Math.floor(i / inner) * count * inner + (i % inner);
      let total = 0;
      for (let j = 0; j < count; j++) {
        const at = start + (reverse ? count - 1 - j : j) * inner;
        const value = values![at]!;
        out[at] = exclusive ? total : total + value;
        total += value;
      }
    }
  };
};

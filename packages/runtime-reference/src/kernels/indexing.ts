import { sizeOf } from '@flowmap/tensor';
import type { KernelRule } from './kernel.js';

/** The nearest valid row index. */
const clamped = (index: number, rows: number): number => Math.min(Math.max(index, 0), rows - 1);

export const gather: KernelRule<'gather'> = ({ operands: [x] }) => {
  const rows = x!.shape[0]!;
  const row = sizeOf(x!.shape.slice(1));
  return ([values, indices], out) => {
    for (let i = 0; i < out.length; i++) {
      out[i] = values![clamped(indices![Math.floor(i / row)]!, rows) * row + (i % row)]!;
    }
  };
};

export const scatterAdd: KernelRule<'scatterAdd'> = ({ shape, attributes: { count } }) => {
  const row = sizeOf(shape.slice(1));
  return ([rows, indices], out) => {
    out.fill(0);
    for (let i = 0; i < rows!.length; i++) {
      out[clamped(indices![Math.floor(i / row)]!, count) * row + (i % row)]! += rows![i]!;
    }
  };
};

import { sizeOf } from '@flowmap/tensor';
import type { KernelRule } from './kernel.js';

export const gather: KernelRule<'gather'> = ({ operands: [x] }) => {
  const row = sizeOf(x!.shape.slice(1));
  return ([values, indices], out) => {
    for (let i = 0; i < out.length; i++) out[i] = values![indices![Math.floor(i / row)]! * row + (i % row)]!;
  };
};

export const scatterAdd: KernelRule<'scatterAdd'> = ({ shape }) => {
  const row = sizeOf(shape.slice(1));
  return ([rows, indices], out) => {
    out.fill(0);
    for (let i = 0; i < rows!.length; i++) out[indices![Math.floor(i / row)]! * row + (i % row)]! += rows![i]!;
  };
};

import { stridesOf, type Shape, type Tensor } from '@flowmap/tensor';
import { forEachRow, nest } from '../strided.js';
import type { Kernel, KernelRule } from './kernel.js';

/** Folds the elements of a box into those of the result, whose stride is 0 along reduced axes. */
function reduction(
  shape: Shape,
  outStrides: readonly number[],
  initial: number,
  combine: (total: number, x: number) => number,
): Kernel {
  const plan = nest(shape, [stridesOf(shape), outStrides]);
  const strideOut = plan.innerStrides[1]!;
  return ([x], out) => {
    out.fill(initial);
    forEachRow(plan, (offsets) => {
      let io = offsets[1]!;
      const start = offsets[0]!;
      const end = start + plan.count;
      if (strideOut === 0) {
        let total = out[io]!;
        for (let i = start; i < end; i++) total = combine(total, x![i]!);
        out[io] = total;
      } else {
        for (let i = start; i < end; i++, io += strideOut) out[io] = combine(out[io]!, x![i]!);
      }
    });
  };
}

function reduceAxes(
  { operands: [x], attributes: { axes } }: Tensor<'sum' | 'reduceMax'>,
  initial: number,
  combine: (total: number, x: number) => number,
): Kernel {
  const kept = stridesOf(x!.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent)));
  return reduction(
    x!.shape,
    kept.map((stride, axis) => (axes.includes(axis) ? 0 : stride)),
    initial,
    combine,
  );
}

const plus = (a: number, b: number): number => a + b;

/** A sum modulo 2^32. */
const wrappingPlus = (a: number, b: number): number => (a + b) | 0;

export const sum: KernelRule<'sum'> = (node) => reduceAxes(node, 0, node.dtype === 'int32' ? wrappingPlus : plus);

export const reduceMax: KernelRule<'reduceMax'> = (node) =>
  reduceAxes(node, node.dtype === 'int32' ? -(2 ** 31) : -Infinity, Math.max);

export const sumPool2d: KernelRule<'sumPool2d'> = ({ operands: [x], attributes: { factor } }) => {
  const [n, c, h, w] = x!.shape as readonly [number, number, number, number];
  const blocks = [(n * c * h) / factor, factor, w / factor, factor];
  return reduction(blocks, [w / factor, 0, 1, 0], 0, plus);
};

export const softmax: KernelRule<'softmax'> = ({ shape }) => {
  const count = shape.at(-1)!;
  return ([x], out) => {
    for (let start = 0; start < out.length; start += count) {
      let largest = -Infinity;
      for (let i = start; i < start + count; i++) largest = Math.max(largest, x![i]!);
      let total = 0;
      for (let i = start; i < start + count; i++) total += out[i] = Math.exp(x![i]! - largest);
      for (let i = start; i < start + count; i++) out[i]! /= total;
    }
  };
};

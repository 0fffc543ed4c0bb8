import { stridesOf, type Shape } from '@flowmap/tensor';
import { broadcastStrides, forEachRow, nest } from '../strided.js';
import type { Values } from '../values.js';
import type { Kernel, KernelRule } from './kernel.js';

/** Copies a box of elements between two memories, each with its own strides and first element. */
function copyBox(
  shape: Shape,
  from: readonly number[],
  to: readonly number[],
  fromStart = 0,
  toStart = 0,
): (x: Values, out: Values) => void {
  const plan = nest(shape, [from, to]);
  const [strideX = 0, strideOut = 0] = plan.innerStrides;
  return (x, out) =>
    forEachRow(plan, (offsets) => {
      let ix = fromStart + offsets[0]!;
      let io = toStart + offsets[1]!;
      for (let i = 0; i < plan.count; i++, ix += strideX, io += strideOut) out[io] = x[ix]!;
    });
}

const single =
  (move: (x: Values, out: Values) => void): Kernel =>
  ([x], out) =>
    move(x!, out);

export const transpose: KernelRule<'transpose'> = ({ operands: [x], shape, attributes: { permutation } }) => {
  const strides = stridesOf(x!.shape);
  return single(
    copyBox(
      shape,
      permutation.map((axis) => strides[axis]!),
      stridesOf(shape),
    ),
  );
};

export const broadcastTo: KernelRule<'broadcastTo'> = ({ operands: [x], shape }) =>
  single(copyBox(shape, broadcastStrides(x!.shape, shape), stridesOf(shape)));

export const slice: KernelRule<'slice'> = ({ operands: [x], shape, attributes: { starts } }) => {
  const strides = stridesOf(x!.shape);
  return single(copyBox(shape, strides, stridesOf(shape), offsetOf(starts, strides)));
};

export const pad: KernelRule<'pad'> = ({ operands: [x], shape, attributes: { before } }) => {
  const strides = stridesOf(shape);
  const move = copyBox(x!.shape, stridesOf(x!.shape), strides, 0, offsetOf(before, strides));
  return ([values], out) => {
    out.fill(0);
    move(values!, out);
  };
};

export const concat: KernelRule<'concat'> = ({ operands, shape, attributes: { axis } }) => {
  const strides = stridesOf(shape);
  let start = 0;
  const moves = operands.map((operand) => {
    const move = copyBox(operand.shape, stridesOf(operand.shape), strides, 0, start);
    start += operand.shape[axis]! * strides[axis]!;
    return move;
  });
  return (values, out) => moves.forEach((move, i) => move(values[i]!, out));
};

export const flip: KernelRule<'flip'> = ({ shape, attributes: { axes } }) => {
  const strides = stridesOf(shape);
  const last = shape.map((extent, axis) => (axes.includes(axis) ? extent - 1 : 0));
  const backwards = strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride));
  return single(copyBox(shape, backwards, strides, offsetOf(last, strides)));
};

export const upsample2d: KernelRule<'upsample2d'> = ({ operands: [x], attributes: { factor } }) => {
  const [n, c, h, w] = x!.shape as readonly [number, number, number, number];
  const blocks = [n * c * h, factor, w, factor];
  return single(copyBox(blocks, [w, 0, 1, 0], stridesOf(blocks)));
};

function offsetOf(index: readonly number[], strides: readonly number[]): number {
  return index.reduce((offset, i, axis) => offset + i * strides[axis]!, 0);
}

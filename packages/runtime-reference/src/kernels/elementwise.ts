import { stridesOf, type BinaryPrimitive, type Tensor, type UnaryPrimitive } from '@flowmap/tensor';
import { broadcastStrides, forEachRow, nest, type Nest } from '../strided.js';
import { erf, erfc } from './erf.js';
import type { Kernel, KernelRule } from './kernel.js';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const unary =
  (f: (x: number) => number): (() => Kernel) =>
  () =>
  ([x], out) => {
    for (let i = 0; i < out.length; i++) out[i] = f(x![i]!);
  };

export const unaryKernels: { readonly [P in UnaryPrimitive]: KernelRule<P> } = {
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  square: unary((x) => x * x),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tanh: unary(Math.tanh),
  sigmoid: unary(sigmoid),
  silu: unary((x) => x * sigmoid(x)),
  softplus: unary((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  erf: unary(erf),
  erfc: unary(erfc),
  abs: unary(Math.abs),
  sign: unary(Math.sign),
};

const binary =
  (f: (a: number, b: number) => number) =>
  (node: Tensor<BinaryPrimitive>): Kernel => {
    const plan = elementwiseNest(node);
    const [strideA = 0, strideB = 0] = plan.innerStrides;
    return ([a, b], out) =>
      forEachRow(plan, (offsets) => {
        let ia = offsets[0]!;
        let ib = offsets[1]!;
        for (let i = offsets[2]!, end = i + plan.count; i < end; i++, ia += strideA, ib += strideB) {
          out[i] = f(a![ia]!, b![ib]!);
        }
      });
  };

export const binaryKernels: { readonly [P in BinaryPrimitive]: KernelRule<P> } = {
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  // A product of integers may need more digits than a double has.
  mul: (node) => binary(node.dtype === 'int32' ? Math.imul : (a, b) => a * b)(node),
  div: binary((a, b) => a / b),
  maximum: binary(Math.max),
  minimum: binary(Math.min),
  equal: binary((a, b) => (a === b ? 1 : 0)),
  less: binary((a, b) => (a < b ? 1 : 0)),
};

export const select: KernelRule<'select'> = (node) => {
  const plan = elementwiseNest(node);
  const [strideC = 0, strideA = 0, strideB = 0] = plan.innerStrides;
  return ([condition, a, b], out) =>
    forEachRow(plan, (offsets) => {
      let [ic, ia, ib] = [offsets[0]!, offsets[1]!, offsets[2]!];
      for (let i = offsets[3]!, end = i + plan.count; i < end; i++, ic += strideC, ia += strideA, ib += strideB) {
        out[i] = condition![ic]! ? a![ia]! : b![ib]!;
      }
    });
};

/** To int32 towards zero, saturating, with 0 for NaN; to bool, whether the value is not zero. */
export const cast: KernelRule<'cast'> = ({ dtype }) => {
  if (dtype === 'bool') return unary((x) => (x === 0 ? 0 : 1))();
  return dtype === 'int32' ? unary((x) => Math.min(Math.max(x, -(2 ** 31)), 2 ** 31 - 1))() : copy();
};

export const copy =
  (): Kernel =>
  ([x], out) =>
    out.set(x!);

/** A loop nest over all operands and, last, the result. */
function elementwiseNest(node: Tensor): Nest {
  const strides = node.operands.map(({ shape }) => broadcastStrides(shape, node.shape));
  return nest(node.shape, [...strides, stridesOf(node.shape)]);
}

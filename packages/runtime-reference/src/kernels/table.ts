import { isHalf, roundTo, type Primitive, type Tensor } from '@flowmap/tensor';
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from './conv.js';
import { binaryKernels, cast, copy, select, unaryKernels } from './elementwise.js';
import type { Kernel, KernelRule } from './kernel.js';
import { gather, scatterAdd } from './indexing.js';
import { broadcastTo, concat, flip, pad, slice, transpose, upsample2d } from './layout.js';
import { matmul } from './matmul.js';
import { reduceMax, softmax, sum, sumPool2d } from './reduce.js';
import { argMax, cumsum } from './scan.js';

/** Primitives whose values are known before a program runs and are not computed. */
export type Leaf = 'input' | 'constant';

const kernels: { readonly [P in Exclude<Primitive, Leaf>]: KernelRule<P> } = {
  ...unaryKernels,
  ...binaryKernels,
  select,
  cast,
  identity: copy,
  stopGradient: copy,
  reshape: copy,
  transpose,
  broadcastTo,
  slice,
  pad,
  concat,
  flip,
  gather,
  scatterAdd,
  sum,
  reduceMax,
  argMax,
  cumsum,
  softmax,
  matmul,
  conv2d,
  conv2dInputGradient,
  conv2dWeightGradient,
  sumPool2d,
  upsample2d,
};

/**
 * Prepares the kernel that computes a node. Half-precision elements are rounded once all of them are computed and sums
 * are complete.
 */
export function kernelOf(node: Tensor<Exclude<Primitive, Leaf>>): Kernel {
  const rule = kernels[node.primitive] as KernelRule<Primitive>;
  const kernel = rule(node);
  const { dtype } = node;
  if (!isHalf(dtype)) return kernel;
  return (operands, out) => {
    kernel(operands, out);
    for (let i = 0; i < out.length; i++) out[i] = roundTo(out[i]!, dtype);
  };
}

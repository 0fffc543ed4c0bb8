import type { Primitive, Tensor } from '@flowmap/tensor';
import type { Values } from '../values.js';

/** Computes a tensor from its operands, writing every element of `out`. */
export type Kernel = (operands: readonly Values[], out: Values) => void;

/** Prepares the kernel of one node: everything that follows from shapes and attributes is computed once, here. */
export type KernelRule<P extends Primitive> = (node: Tensor<P>) => Kernel;

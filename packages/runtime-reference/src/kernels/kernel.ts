import type { Primitive, Tensor } from '@flowmap/tensor';
import type { Values } from '../values.js';

/** Computes a tensor from its operands, writing every element of `out`. */
export type Kernel = (operands: readonly Values[], out: Values) => void;

/** Prepares the kernel of one node: whatever follows from shapes and attributes is computed here, once. */
export type KernelRule<P extends Primitive> = (node: Tensor<P>) => Kernel;

import type { Primitive, Tensor } from '@flowmap/tensor';
import type { Attribute, Graph } from '../graph.js';

/** What a lowering rule works with: the graph under construction and the values that already have a name in it. */
export interface Context {
  readonly graph: Graph;
  /** Name of a tensor's value in its full shape. */
  readonly value: (tensor: Tensor) => string;
  /** Name of a value that broadcasts to the tensor's shape: a constant of equal elements is a scalar. */
  readonly compact: (tensor: Tensor) => string;
  /** Whether `silu` of the tensor is computed as well. */
  readonly isGate: (tensor: Tensor) => boolean;
  /** Channels per block of the processor's own convolutions, if it has them. */
  readonly channelBlock?: number | undefined;
  /** Whether convolutions with constant kernels may use fewer products and more memory. */
  readonly usesMinimalFiltering?: boolean | undefined;
}

/** Appends the nodes that compute a tensor from its operands, and returns the name of the result. */
export type Lowering<P extends Primitive> = (tensor: Tensor<P>, context: Context) => string;

/** Lowers to one node whose inputs are the operands, in order. */
export function direct<P extends Primitive>(
  opType: string,
  attributes: (tensor: Tensor<P>) => Readonly<Record<string, Attribute>> = () => ({}),
): Lowering<P> {
  return (tensor, { graph, value }) => graph.node(opType, tensor.operands.map(value), attributes(tensor));
}

import type { Primitive, Tensor } from '@flowmap/tensor';
import type { Context, Lowering } from './context.js';

/** One rule per primitive; inputs and constants are named by the model, not computed. */
export type Lowerings = { readonly [P in Exclude<Primitive, 'input' | 'constant'>]: Lowering<P> };

/** How programs are lowered for one device. */
export interface Rules {
  readonly lowerings: Lowerings;
  /** Tried in order before a tensor is computed by itself. */
  readonly fusions: readonly Fusion[];
  /** Whether `Gemm` can add a tensor of rank 0. */
  readonly gemmAddsScalars: boolean;
  /** Channels per block of the processor's own convolutions, if it has them. */
  readonly channelBlock?: number | undefined;
  /** Whether convolutions with constant kernels may use fewer products and more memory. */
  readonly usesMinimalFiltering?: boolean;
}

/** How one tensor is computed: from which others, and with which nodes. */
export interface Step {
  readonly tensor: Tensor;
  readonly operands: readonly Tensor[];
  readonly emit: (context: Context) => string;
}

/** Whether a tensor is used exactly this many times, once unless given: only by what is computed together with it. */
export type IsPrivate = (operand: Tensor, uses?: number) => boolean;

/** Computes a tensor together with an operand that nothing else uses; undefined if that is not possible. */
export type Fusion = (tensor: Tensor, isPrivate: IsPrivate, rules: Rules) => Omit<Step, 'tensor'> | undefined;

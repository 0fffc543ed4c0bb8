import type { Primitive } from '@flowmap/tensor';
import { multiHeadAttention, selfAttention } from './attention.js';
import { rmsNorm } from './composites.js';
import type { Lowering } from './context.js';
import { conv } from './conv.js';
import { elementwise } from './elementwise.js';
import { standardFusions, type Fusion } from './fusion.js';
import { indexing } from './indexing.js';
import { product } from './matmul.js';
import { reductions } from './reductions.js';
import { resampling } from './resampling.js';
import { shapes } from './shapes.js';

/** One rule per primitive; inputs and constants are named by the model, not computed. */
export type Lowerings = { readonly [P in Exclude<Primitive, 'input' | 'constant'>]: Lowering<P> };

/** How programs are lowered for one device. */
export interface Rules {
  readonly lowerings: Lowerings;
  /** Tried in this order before a tensor is computed alone. */
  readonly fusions: readonly Fusion[];
  /** `Gemm` takes a tensor of rank 0 to add. */
  readonly gemmAddsScalars: boolean;
  /** Channels per block of the processor's own convolutions, if it has them. */
  readonly channelBlock?: number | undefined;
  /** Convolutions with constant kernels may take fewer products and more memory. */
  readonly usesMinimalFiltering?: boolean;
}

const lowerings: Lowerings = {
  ...elementwise,
  ...shapes,
  ...indexing,
  ...reductions,
  ...conv,
  ...resampling,
  matmul: (tensor, context) => product(tensor, context),
};

/** The rules of models that are written to files: standard operators only. */
export const standardRules: Rules = { lowerings, fusions: standardFusions, gemmAddsScalars: true };

/**
 * The rules of the CPU, where onnxruntime has operators of its own for some composites.
 *
 * @param channelBlock channels per block of the processor's own convolutions, if it has them
 */
export function cpuRules(channelBlock?: number): Rules {
  const fusions = [rmsNorm, selfAttention, multiHeadAttention, ...standardFusions];
  return { ...standardRules, fusions, channelBlock, usesMinimalFiltering: true };
}

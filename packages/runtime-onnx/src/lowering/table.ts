import type { Primitive } from '@flowmap/tensor';
import type { Lowering } from './context.js';
import { conv } from './conv.js';
import { elementwise } from './elementwise.js';
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
  /** `Gemm` takes a tensor of rank 0 to add. */
  readonly gemmAddsScalars: boolean;
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

/** The rules of the CPU, and of models that are written to files. */
export const standardRules: Rules = { lowerings, gemmAddsScalars: true };

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
export const lowerings: { readonly [P in Exclude<Primitive, 'input' | 'constant'>]: Lowering<P> } = {
  ...elementwise,
  ...shapes,
  ...indexing,
  ...reductions,
  ...conv,
  ...resampling,
  matmul: (tensor, context) => product(tensor, context),
};

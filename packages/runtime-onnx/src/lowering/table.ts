import { multiHeadAttention, selfAttention } from './attention.js';
import { leakyRelu, rmsNorm } from './composites.js';
import { conv } from './conv.js';
import { cutOffConv } from './cut-off-conv.js';
import { elementwise } from './elementwise.js';
import { standardFusions } from './fusion.js';
import { indexing } from './indexing.js';
import { product } from './matmul.js';
import { reductions } from './reductions.js';
import { resampling } from './resampling.js';
import type { Lowerings, Rules } from './rules.js';
import { shapes } from './shapes.js';

const lowerings: Lowerings = {
  ...elementwise,
  ...shapes,
  ...indexing,
  ...reductions,
  ...conv,
  ...resampling,
  matmul: (tensor, context) => product(tensor, context),
};

/** The rules for models that are written to files: standard operators only. */
export const standardRules: Rules = { lowerings, fusions: standardFusions, gemmAddsScalars: true };

/**
 * The rules for the CPU, where onnxruntime has non-standard operators for some composites.
 *
 * @param channelBlock channels per block of the processor's own convolutions, if it has them
 */
export function cpuRules(channelBlock?: number): Rules {
  const fusions = [rmsNorm, leakyRelu, selfAttention, multiHeadAttention, cutOffConv, ...standardFusions];
  return { ...standardRules, fusions, channelBlock, usesMinimalFiltering: true };
}

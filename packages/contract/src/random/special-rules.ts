import type { SpecialLimit } from '@flowmap/tensor/testing';
import type { Special } from './variants.js';

/** Which special numbers the random programs of a family get, how their results are compared, and why. */
export interface SpecialRule {
  readonly families: readonly string[];
  readonly kinds: readonly Special[];
  /**
   * `each`: relative to each number; `largest`: relative to the largest expected number of ordinary size in a
   * result, or to 1.
   */
  readonly relativeTo: 'each' | 'largest';
  readonly reason: string;
}

export const specialRules: readonly SpecialRule[] = [
  {
    families: ['selection', 'joined'],
    kinds: ['open', 'largest', 'smallest'],
    relativeTo: 'each',
    reason: 'Numbers are moved, chosen and squared.',
  },
  {
    families: ['moved'],
    kinds: ['open', 'smallest'],
    relativeTo: 'each',
    reason: 'Fourth powers of the largest numbers overflow on the way to derivatives that do not.',
  },
  {
    families: ['cut'],
    kinds: ['open'],
    relativeTo: 'each',
    reason: 'In products of several numbers the smallest ones become zero or not, depending on the order.',
  },
  {
    families: ['unary', 'activation', 'binary', 'reduction', 'along an axis', 'indexing', 'higher derivatives'],
    kinds: ['open', 'largest', 'smallest'],
    relativeTo: 'largest',
    reason: 'Functions have an error of one rounding of 1, as have sums of their terms.',
  },
  {
    families: [
      'matmul',
      'product and addend',
      'linear',
      'convolution',
      'convolution with bias',
      'transposed convolution',
      'resampling',
      'resizing',
    ],
    kinds: ['open', 'smallest'],
    relativeTo: 'largest',
    reason: 'With the largest numbers single terms overflow where their sum would not.',
  },
  {
    families: ['attention', 'heads'],
    kinds: ['open'],
    relativeTo: 'largest',
    reason: 'The smallest numbers are scaled on the way, perhaps to 0, which turns infinities into NaN.',
  },
  {
    families: ['pooling', 'normalization', 'expressions'],
    kinds: ['open', 'smallest'],
    relativeTo: 'largest',
    reason: 'Squares of the largest numbers overflow, and the mask of a maximum times an infinity is NaN.',
  },
];

/** Results in which a runtime may differ, in the words of the test: `name: derivative: 1 became NaN`. */
export const specialProgramLimits: readonly (SpecialLimit & { readonly runtimesInWords: string })[] = [
  {
    runtime: /^tfjs/,
    runtimesInWords: 'every back end of TensorFlow.js',
    result: /^conv(2d|Transpose2d) .*: (NaN|-?Infinity) became |^conv(2d|Transpose2d) .* became (NaN|-?Infinity)$/,
    reason:
      'Convolutions leave zeros of the padding out, and multiply those that strides put between pixels: what these make of NaN ' +
      'and infinities is open.',
  },
  {
    runtime: /^tfjs \(wasm\)/,
    runtimesInWords: "TensorFlow.js's wasm, in Node and in browsers",
    result: /\b(sin|cos) of /,
    reason: 'Sine and cosine have an absolute error of 2e-7 up to a few thousand, and beyond 1e8 no correct digits.',
  },
];

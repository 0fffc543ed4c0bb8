import type { Case } from '@flowmap/tensor/testing';
import type fc from 'fast-check';
import { activation, binary, selection, unary, whole } from './elementwise.js';
import { expressions } from './expressions.js';
import { higher } from './higher.js';
import { normalization, pooling, resampling, resizing } from './images.js';
import { indexing } from './indexing.js';
import { cut, joined, moved } from './layout.js';
import {
  addedProduct,
  affine,
  attending,
  biasedConvolution,
  convolution,
  heads,
  matmul,
  transposedConvolution,
} from './products.js';
import { alongAxis, reduction } from './reductions.js';

/** Random cases of everything that broadcasts, reduces, moves, multiplies or picks. */
export const families: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  unary,
  activation,
  binary,
  selection,
  'whole numbers': whole,
  reduction,
  'along an axis': alongAxis,
  moved,
  joined,
  cut,
  matmul,
  'product and addend': addedProduct,
  linear: affine,
  attention: attending,
  heads,
  convolution,
  'convolution with bias': biasedConvolution,
  'transposed convolution': transposedConvolution,
  resampling,
  pooling,
  resizing,
  normalization,
  indexing,
  expressions,
  'higher derivatives': higher,
};

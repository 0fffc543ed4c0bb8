import { conv2d } from '../../functions.js';
import type { ConvAttributes, Primitive } from '../../primitives.js';
import { bind } from '../../tensor.js';
import { at, type Case } from '../case.js';
import { normal } from '../samples.js';

type Product = 'matmul' | 'conv2d' | 'conv2dInputGradient' | 'conv2dWeightGradient' | 'sumPool2d' | 'upsample2d';

const flags = [false, true];

/** Every transposition, alone and under one and two leading axes. */
const matmulCases = flags.flatMap((transposeA) =>
  flags.flatMap((transposeB) =>
    [[], [3], [2, 3]].map((batch) => {
      const [m, k, n] = [4, 5, 6];
      const a = [...batch, ...(transposeA ? [k, m] : [m, k])];
      const b = [...batch, ...(transposeB ? [n, k] : [k, n])];
      return at(
        `[${a.join(', ')}]${transposeA ? 'ᵀ' : ''} [${b.join(', ')}]${transposeB ? 'ᵀ' : ''}`,
        [normal(a), normal(b)],
        (x, y) => bind('matmul', [x, y], { transposeA, transposeB }),
      );
    }),
  ),
);

interface Convolution extends ConvAttributes {
  readonly name: string;
  readonly x: readonly [number, number, number, number];
  readonly weight: readonly [number, number, number, number];
  readonly y: readonly [number, number, number, number];
}

const plain = { stride: [1, 1], padding: [0, 0] } as const;

const convolutions: readonly Convolution[] = [
  { ...plain, name: '3x3, same', x: [2, 3, 5, 4], weight: [4, 3, 3, 3], padding: [1, 1], y: [2, 4, 5, 4] },
  { ...plain, name: '3x3, valid', x: [2, 3, 5, 4], weight: [4, 3, 3, 3], y: [2, 4, 3, 2] },
  { ...plain, name: '1x1', x: [2, 3, 4, 4], weight: [5, 3, 1, 1], y: [2, 5, 4, 4] },
  { ...plain, name: '1x1, stride 2', x: [1, 2, 5, 4], weight: [3, 2, 1, 1], stride: [2, 2], y: [1, 3, 3, 2] },
  {
    name: '3x3, stride 2, padding 1',
    x: [2, 2, 6, 6],
    weight: [3, 2, 3, 3],
    stride: [2, 2],
    padding: [1, 1],
    y: [2, 3, 3, 3],
  },
  { ...plain, name: '2x2, stride 2', x: [1, 2, 4, 6], weight: [3, 2, 2, 2], stride: [2, 2], y: [1, 3, 2, 3] },
  {
    ...plain,
    name: '3x2, stride 2x3, a rest of the image unread',
    x: [1, 2, 6, 7],
    weight: [2, 2, 3, 2],
    stride: [2, 3],
    y: [1, 2, 2, 2],
  },
  { ...plain, name: '5x3, padding 2x0', x: [1, 2, 4, 5], weight: [2, 2, 5, 3], padding: [2, 0], y: [1, 2, 4, 3] },
  { ...plain, name: 'the whole image', x: [2, 2, 3, 3], weight: [4, 2, 3, 3], y: [2, 4, 1, 1] },
  { ...plain, name: 'one channel each', x: [1, 1, 3, 3], weight: [1, 1, 3, 3], padding: [1, 1], y: [1, 1, 3, 3] },
];

export const productCases: { readonly [P in Primitive & Product]: readonly Case[] } = {
  matmul: [
    ...matmulCases,
    at('a row and a column', [normal([1, 7]), normal([7, 1])], (a, b) => a.matmul(b)),
    at('an outer product', [normal([4, 1]), normal([1, 3])], (a, b) => a.matmul(b)),
    at('a Gram matrix', [normal([3, 4])], (a) => bind('matmul', [a, a], { transposeA: false, transposeB: true })),
    at('after transpositions', [normal([2, 4, 3]), normal([2, 5, 4])], (a, b) =>
      a.transpose([0, 2, 1]).matmul(b.transpose([0, 2, 1])),
    ),
    at('heads in the second axis', [normal([2, 5, 3, 4]), normal([2, 5, 3, 4])], (q, k) =>
      q.transpose([0, 2, 1, 3]).matmul(k.transpose([0, 2, 3, 1])),
    ),
  ],
  conv2d: convolutions.map(({ name, x, weight, stride, padding }) =>
    at(name, [normal(x), normal(weight)], (a, b) => conv2d(a, b, { stride, padding })),
  ),
  conv2dInputGradient: convolutions.map(({ name, x, weight, y, stride, padding }) =>
    at(name, [normal(y), normal(weight)], (g, w) =>
      bind('conv2dInputGradient', [g, w], { stride, padding, size: [x[2], x[3]] }),
    ),
  ),
  conv2dWeightGradient: convolutions.map(({ name, x, weight, y, stride, padding }) =>
    at(name, [normal(x), normal(y)], (a, g) =>
      bind('conv2dWeightGradient', [a, g], { stride, padding, size: [weight[2], weight[3]] }),
    ),
  ),
  sumPool2d: [1, 2, 3].map((factor) =>
    at(`by ${String(factor)}`, [normal([2, 3, 2 * factor, 3 * factor])], (x) => x.square().sumPool2d(factor)),
  ),
  upsample2d: [1, 2, 3].map((factor) =>
    at(`by ${String(factor)}`, [normal([2, 3, 2, 3])], (x) => x.square().upsample2d(factor)),
  ),
};

import { conv2d } from '../../library/functions.js';
import type { ConvAttributes, Primitive } from '../../graph/primitives.js';
import { bind } from '../../graph/tensor.js';
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

interface Convolution extends Partial<ConvAttributes> {
  readonly name: string;
  readonly x: readonly [number, number, number, number];
  readonly weight: readonly [number, number, number, number];
  readonly y: readonly [number, number, number, number];
}

const plain: ConvAttributes = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
const attributesOf = ({ stride, padding, dilation, groups }: Convolution): ConvAttributes => ({
  stride: stride ?? plain.stride,
  padding: padding ?? plain.padding,
  dilation: dilation ?? plain.dilation,
  groups: groups ?? plain.groups,
});

const convolutions: readonly Convolution[] = [
  { name: '3x3, same', x: [2, 3, 5, 4], weight: [4, 3, 3, 3], padding: [1, 1], y: [2, 4, 5, 4] },
  { name: '3x3, valid', x: [2, 3, 5, 4], weight: [4, 3, 3, 3], y: [2, 4, 3, 2] },
  { name: '1x1', x: [2, 3, 4, 4], weight: [5, 3, 1, 1], y: [2, 5, 4, 4] },
  { name: '1x1, stride 2', x: [1, 2, 5, 4], weight: [3, 2, 1, 1], stride: [2, 2], y: [1, 3, 3, 2] },
  {
    name: '3x3, stride 2, padding 1',
    x: [2, 2, 6, 6],
    weight: [3, 2, 3, 3],
    stride: [2, 2],
    padding: [1, 1],
    y: [2, 3, 3, 3],
  },
  { name: '2x2, stride 2', x: [1, 2, 4, 6], weight: [3, 2, 2, 2], stride: [2, 2], y: [1, 3, 2, 3] },
  {
    name: '3x2, stride 2x3, a rest of the image unread',
    x: [1, 2, 6, 7],
    weight: [2, 2, 3, 2],
    stride: [2, 3],
    y: [1, 2, 2, 2],
  },
  { name: '5x3, padding 2x0', x: [1, 2, 4, 5], weight: [2, 2, 5, 3], padding: [2, 0], y: [1, 2, 4, 3] },
  { name: 'the whole image', x: [2, 2, 3, 3], weight: [4, 2, 3, 3], y: [2, 4, 1, 1] },
  { name: 'one channel each', x: [1, 1, 3, 3], weight: [1, 1, 3, 3], padding: [1, 1], y: [1, 1, 3, 3] },
  { name: 'dilation 2x1', x: [2, 2, 6, 5], weight: [3, 2, 3, 2], dilation: [2, 1], padding: [1, 0], y: [2, 3, 4, 4] },
  {
    name: 'dilation 2, stride 2, a rest unread',
    x: [1, 2, 8, 8],
    weight: [2, 2, 2, 3],
    dilation: [2, 2],
    stride: [2, 2],
    y: [1, 2, 3, 2],
  },
  { name: '2 groups', x: [2, 4, 4, 5], weight: [6, 2, 3, 3], groups: 2, padding: [1, 1], y: [2, 6, 4, 5] },
  { name: 'a group per channel', x: [2, 3, 4, 4], weight: [3, 1, 3, 3], groups: 3, padding: [1, 1], y: [2, 3, 4, 4] },
  {
    name: '2 groups, stride 2, dilation 2',
    x: [1, 4, 7, 7],
    weight: [2, 2, 3, 3],
    groups: 2,
    stride: [2, 2],
    padding: [1, 1],
    dilation: [2, 2],
    y: [1, 2, 3, 3],
  },
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
  conv2d: convolutions.map((geometry) =>
    at(geometry.name, [normal(geometry.x), normal(geometry.weight)], (a, b) => conv2d(a, b, attributesOf(geometry))),
  ),
  conv2dInputGradient: convolutions.map((geometry) => {
    const { name, x, weight, y } = geometry;
    return at(name, [normal(y), normal(weight)], (g, w) =>
      bind('conv2dInputGradient', [g, w], { ...attributesOf(geometry), size: [x[2], x[3]] }),
    );
  }),
  conv2dWeightGradient: convolutions.map((geometry) => {
    const { name, x, weight, y } = geometry;
    return at(name, [normal(x), normal(y)], (a, g) =>
      bind('conv2dWeightGradient', [a, g], { ...attributesOf(geometry), size: [weight[2], weight[3]] }),
    );
  }),
  sumPool2d: [1, 2, 3].map((factor) =>
    at(`by ${String(factor)}`, [normal([2, 3, 2 * factor, 3 * factor])], (x) => x.square().sumPool2d(factor)),
  ),
  upsample2d: [1, 2, 3].map((factor) =>
    at(`by ${String(factor)}`, [normal([2, 3, 2, 3])], (x) => x.square().upsample2d(factor)),
  ),
};
